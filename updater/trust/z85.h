#pragma once

#include <string>
#include <string_view>

#include "storage/base/status.h"

namespace perennial::trust {

// ZeroMQ's text form of binary keys (rfc.zeromq.org/spec/32): five printable characters for four bytes.
// REQUIRES bytes.size() % 4 == 0.
std::string Z85Encode(std::string_view bytes);
// kInvalidArgument for other characters, a length that is no multiple of five, or a group over 2^32 - 1. The message
// never quotes the input: it may be a secret.
Result<std::string> Z85Decode(std::string_view text);

}  // namespace perennial::trust
