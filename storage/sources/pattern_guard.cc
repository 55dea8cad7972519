#include "storage/sources/pattern_guard.h"

#include <cctype>
#include <string>
#include <vector>

namespace perennial::sources {
namespace {

constexpr size_t kMaxPatternBytes = 256;
constexpr int kMaxCount = 100;

// Index after the class that opens at `at`.
size_t SkipClass(std::string_view pattern, size_t at) {
  for (++at; at < pattern.size() && pattern[at] != ']'; ++at) {
    if (pattern[at] == '\\') ++at;
  }
  return at + 1;
}

// The larger number of "{n,m}" opening at `at`.
int CountAt(std::string_view pattern, size_t at) {
  int largest = 0, number = 0;
  for (++at; at < pattern.size() && pattern[at] != '}'; ++at) {
    number = std::isdigit(static_cast<unsigned char>(pattern[at])) != 0
                 ? std::min(number * 10 + (pattern[at] - '0'), 10000)
                 : 0;
    largest = std::max(largest, number);
  }
  return largest;
}

}  // namespace

Status CheckPattern(std::string_view pattern) {
  if (pattern.size() > kMaxPatternBytes)
    return InvalidArgument("the pattern is longer than 256 bytes", "split the rule");
  std::vector<bool> group_repeats(1, false);  // whether the group open at each depth holds a repeat
  bool closed_group_repeats = false;          // of the group that ended just before
  for (size_t at = 0; at < pattern.size();) {
    const char c = pattern[at];
    const bool after_repeating_group = closed_group_repeats;
    closed_group_repeats = false;
    if (c == '\\') {
      if (at + 1 < pattern.size() && pattern[at + 1] >= '1' && pattern[at + 1] <= '9') {
        return InvalidArgument("the pattern holds a back reference", "write the alternatives out");
      }
      at += 2;
    } else if (c == '[') {
      at = SkipClass(pattern, at);
    } else if (c == '(') {
      group_repeats.push_back(false);
      at += pattern.substr(at + 1, 1) == "?" ? 2 : 1;  // "(?:" holds no quantifier
    } else if (c == ')') {
      closed_group_repeats = group_repeats.back();
      if (group_repeats.size() > 1) {
        group_repeats.pop_back();
        if (closed_group_repeats) group_repeats.back() = true;
      }
      ++at;
    } else if (c == '*' || c == '+' || c == '{') {
      if (after_repeating_group) {
        return InvalidArgument("the pattern repeats a group that holds a repeat",
                               "such patterns can take exponential time; simplify it");
      }
      if (c == '{' && CountAt(pattern, at) > kMaxCount) return InvalidArgument("the pattern counts beyond 100");
      group_repeats.back() = true;
      ++at;
    } else {
      ++at;
    }
  }
  return Status::Ok();
}

}  // namespace perennial::sources
