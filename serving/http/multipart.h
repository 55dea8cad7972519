#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "serving/http/server.h"

namespace perennial::http {

// "multipart/form-data; boundary=x" -> "x"; empty when the content type is another or names no valid boundary.
std::string MultipartBoundary(std::string_view content_type);

// RFC 7578 bodies, without regular expressions: at most 256 parts, part heads of at most 8 KB. kInvalidArgument when
// malformed.
Result<std::vector<Request::Part>> ParseMultipart(std::string_view body, std::string_view boundary);

}  // namespace perennial::http
