#pragma once

#include <string>
#include <string_view>

#include "storage/base/status.h"

namespace perennial::api {

// Holds an answer against the OpenAPI document: the path, the method, the status and the content type must be in it,
// and a JSON body must fit its schema (the part of JSON Schema that the document uses; an unknown keyword is an error,
// so that nothing passes unchecked).
Status CheckAnswer(std::string_view document, std::string_view method, std::string_view path, int status,
                   std::string_view content_type, std::string_view body);

}  // namespace perennial::api
