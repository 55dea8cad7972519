#pragma once

#include <string>
#include <string_view>

#include "serving/http/server.h"

namespace perennial::http {

// "Not Found" for 404.
std::string_view ReasonPhrase(int http_status);

enum class Framing { kLength, kChunked, kUntilClose };

// Status line, headers and blank line. Control characters in header names and values are dropped, so that no value can
// add a header.
std::string FormatHead(const Response& response, bool keep_alive, Framing framing);

}  // namespace perennial::http
