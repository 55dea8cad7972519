#pragma once

#include "serving/http/auth.h"

namespace perennial::api {

using http::Authenticator;
using http::AuthOptions;
using http::IsLoopback;

}  // namespace perennial::api
