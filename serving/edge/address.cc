#include "serving/edge/address.h"

#include <charconv>

namespace perennial::edge {

Status ParseAddress(const std::string& text, std::string& host, int& port) {
  const Status bad =
      InvalidArgument("'" + text + "' is not HOST:PORT", "give it as 127.0.0.1:8080; port 0 takes any free one");
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) return bad;
  int value = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data() + colon + 1, end, value);
  if (parsed.ec != std::errc() || parsed.ptr != end || value < 0 || value > 65535) return bad;
  std::string name = text.substr(0, colon);
  if (name.front() == '[') {
    if (name.size() < 3 || name.back() != ']') return bad;
    name = name.substr(1, name.size() - 2);
  }
  host = std::move(name);
  port = value;
  return Status::Ok();
}

}  // namespace perennial::edge
