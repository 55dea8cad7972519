#pragma once

#include <string>
#include <string_view>

#include "storage/base/status.h"

namespace perennial::trust {

// Ok when the secret is the public key's, both in Z85. No message quotes a key.
Status CheckCurvePair(std::string_view public_z85, std::string_view secret_z85);

// Ok when `public_z85` is 40 characters of Z85.
Status CheckCurvePublic(std::string_view public_z85);

}  // namespace perennial::trust
