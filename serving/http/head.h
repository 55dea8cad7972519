#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/status.h"

namespace perennial::http {

// What a peer may send before it is refused. All hold before memory is taken.
struct HeadLimits {
  size_t max_head_bytes = 32u << 10;  // request line and headers; then 431
  size_t max_headers = 100;           // then 431
  size_t max_path_bytes = 512;        // then 414
  size_t max_target_bytes = 8192;     // path and query; then 414
  size_t max_query_params = 64;       // then 400
  uint64_t max_body_bytes = 64u << 20;
};

// A refused request: the answer's status line and why.
struct Rejection {
  int http_status = 400;
  Status why;
};

// The parsed head of one request. Value type.
struct Head {
  std::string method;
  std::string path;                   // decoded
  std::vector<std::string> segments;  // of the path, each decoded on its own, so "%2F" never splits one
  std::map<std::string, std::string> query;
  std::multimap<std::string, std::string> headers;  // names lower case
  bool keep_alive = true;
  bool http_1_0 = false;
  bool expect_continue = false;
  bool chunked = false;
  uint64_t content_length = 0;  // 0 when chunked
};

// Parses `text`, which ends with the blank line. Strict where leniency invites request smuggling: CRLF line ends only,
// no folded headers, never both lengths, no second differing length. On refusal `head` keeps what was understood, so
// that the error writer can see the path.
std::optional<Rejection> ParseHead(std::string_view text, const HeadLimits& limits, Head& head);

// "%41" -> "A"; nullopt on a malformed escape or a NUL. `plus_is_space` for queries.
std::optional<std::string> PercentDecode(std::string_view text, bool plus_is_space);

}  // namespace perennial::http
