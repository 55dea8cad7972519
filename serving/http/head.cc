#include "serving/http/head.h"

#include <algorithm>
#include <charconv>

namespace perennial::http {
namespace {

bool IsToken(std::string_view text) {
  if (text.empty()) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    const bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    return alphanumeric || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

std::string Lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Rejection Bad(std::string message) { return {400, InvalidArgument(std::move(message))}; }

std::optional<Rejection> ParseQuery(std::string_view query, const HeadLimits& limits, Head& head) {
  size_t count = 0;
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (pair.empty()) continue;
    if (++count > limits.max_query_params)
      return Bad("query: more than " + std::to_string(limits.max_query_params) + " parameters");
    const size_t equals = std::min(pair.find('='), pair.size());
    auto name = PercentDecode(pair.substr(0, equals), true);
    auto value = PercentDecode(equals < pair.size() ? pair.substr(equals + 1) : std::string_view(), true);
    if (!name || !value) return Bad("query: malformed percent escape");
    head.query[std::move(*name)] = std::move(*value);
  }
  return std::nullopt;
}

std::optional<Rejection> ParseTarget(std::string_view target, const HeadLimits& limits, Head& head) {
  const size_t question = std::min(target.find('?'), target.size());
  const std::string_view path = target.substr(0, question);
  if (path.size() > limits.max_path_bytes || target.size() > limits.max_target_bytes) {
    return Rejection{414, InvalidArgument("the path has " + std::to_string(path.size()) + " bytes; at most " +
                                          std::to_string(limits.max_path_bytes) + " are taken")};
  }
  if (path.empty() || path.front() != '/') return Bad("request target must start with '/'");
  for (const char c : target) {
    if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7f) return Bad("request target holds a control character");
  }
  std::string_view rest = path.substr(1);
  while (true) {
    const size_t slash = std::min(rest.find('/'), rest.size());
    auto segment = PercentDecode(rest.substr(0, slash), false);
    if (!segment) return Bad("path: malformed percent escape");
    head.path += '/';
    head.path += *segment;
    head.segments.push_back(std::move(*segment));
    if (slash == rest.size()) break;
    rest.remove_prefix(slash + 1);
  }
  return question < target.size() ? ParseQuery(target.substr(question + 1), limits, head) : std::nullopt;
}

std::optional<Rejection> ParseRequestLine(std::string_view line, const HeadLimits& limits, Head& head) {
  const size_t first = line.find(' ');
  const size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return Bad("malformed request line");
  const std::string_view method = line.substr(0, first);
  if (method.size() > 16 || !IsToken(method)) return Bad("malformed method");
  head.method = method;
  const std::string_view version = line.substr(last + 1);
  if (version == "HTTP/1.0") {
    head.http_1_0 = true;
    head.keep_alive = false;
  } else if (version != "HTTP/1.1") {
    if (version.substr(0, 5) == "HTTP/") return Rejection{505, InvalidArgument("only HTTP/1.1 is spoken here")};
    return Bad("malformed request line");
  }
  return ParseTarget(line.substr(first + 1, last - first - 1), limits, head);
}

std::optional<Rejection> ParseHeaderLine(std::string_view line, const HeadLimits& limits, Head& head) {
  if (head.headers.size() >= limits.max_headers) {
    return Rejection{431, InvalidArgument("more than " + std::to_string(limits.max_headers) + " headers")};
  }
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos || !IsToken(line.substr(0, colon))) return Bad("malformed header line");
  const std::string_view value = Trim(line.substr(colon + 1));
  for (const char c : value) {
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f) return Bad("control character in a header");
  }
  head.headers.emplace(Lower(line.substr(0, colon)), std::string(value));
  return std::nullopt;
}

std::optional<Rejection> ReadLength(const HeadLimits& limits, Head& head) {
  const auto [encoding, encoding_end] = head.headers.equal_range("transfer-encoding");
  const auto [length, length_end] = head.headers.equal_range("content-length");
  if (encoding != encoding_end) {
    if (length != length_end) return Bad("both Content-Length and Transfer-Encoding");
    if (std::next(encoding) != encoding_end || Lower(encoding->second) != "chunked") {
      return Rejection{501, InvalidArgument("Transfer-Encoding: only 'chunked' is understood")};
    }
    if (head.http_1_0) return Bad("Transfer-Encoding in an HTTP/1.0 request");
    head.chunked = true;
    return std::nullopt;
  }
  if (length == length_end) return std::nullopt;
  for (auto other = length; other != length_end; ++other) {
    if (other->second != length->second) return Bad("two different Content-Length headers");
  }
  const std::string& digits = length->second;
  const bool numeric =
      !digits.empty() && std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!numeric) return Bad("Content-Length is not a number");
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), head.content_length);
  if (parsed.ec != std::errc() || head.content_length > limits.max_body_bytes) {
    head.content_length = 0;
    return Rejection{413, ResourceExhausted("the body has " + digits.substr(0, 24) + " bytes; at most " +
                                                std::to_string(limits.max_body_bytes) + " are taken",
                                            "send it in smaller parts")};
  }
  return std::nullopt;
}

std::optional<Rejection> ReadConnectionHeaders(Head& head) {
  if (const auto found = head.headers.find("connection"); found != head.headers.end()) {
    const std::string value = Lower(found->second);
    if (value.find("close") != std::string::npos) head.keep_alive = false;
    if (head.http_1_0 && value.find("keep-alive") != std::string::npos) head.keep_alive = true;
  }
  if (const auto found = head.headers.find("expect"); found != head.headers.end()) {
    if (Lower(found->second) != "100-continue") return Rejection{417, InvalidArgument("unknown expectation")};
    head.expect_continue = true;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> PercentDecode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = HexValue(text[i + 1]);
      const int low = HexValue(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      c = static_cast<char>(high * 16 + low);
      i += 2;
    } else if (c == '+' && plus_is_space) {
      c = ' ';
    }
    if (c == '\0') return std::nullopt;
    out.push_back(c);
  }
  return out;
}

std::optional<Rejection> ParseHead(std::string_view text, const HeadLimits& limits, Head& head) {
  bool first = true;
  while (true) {
    const size_t end = text.find("\r\n");
    if (end == std::string_view::npos) return Bad("request head is not ended by a blank line");
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 2);
    if (line.empty() && !first) break;
    if (auto refused = first ? ParseRequestLine(line, limits, head) : ParseHeaderLine(line, limits, head))
      return refused;
    first = false;
  }
  if (auto refused = ReadLength(limits, head)) return refused;
  return ReadConnectionHeaders(head);
}

}  // namespace perennial::http
