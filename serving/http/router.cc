#include "serving/http/router.h"

#include <algorithm>
#include <utility>

namespace perennial::http {
namespace {

std::vector<std::string> SplitPattern(std::string_view pattern) {
  std::vector<std::string> segments;
  if (!pattern.empty()) pattern.remove_prefix(1);
  while (true) {
    const size_t slash = std::min(pattern.find('/'), pattern.size());
    segments.emplace_back(pattern.substr(0, slash));
    if (slash == pattern.size()) return segments;
    pattern.remove_prefix(slash + 1);
  }
}

bool IsName(const std::string& segment) {
  return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
}

bool Fits(const std::vector<std::string>& pattern, const std::vector<std::string>& path) {
  if (pattern.size() != path.size()) return false;
  for (size_t i = 0; i < path.size(); ++i) {
    if (IsName(pattern[i]) ? path[i].empty() : pattern[i] != path[i]) return false;
  }
  return true;
}

}  // namespace

void Router::Add(const std::string& method, const std::string& pattern, Handler handler) {
  Entry entry{method, SplitPattern(pattern), 0, std::move(handler)};
  entry.literals = static_cast<size_t>(
      std::count_if(entry.segments.begin(), entry.segments.end(), [](const std::string& s) { return !IsName(s); }));
  entries_.push_back(std::move(entry));
}

Router::Match Router::Find(const std::string& method, const std::vector<std::string>& segments) const {
  Match match;
  const Entry* best = nullptr;
  for (const Entry& entry : entries_) {
    if (!Fits(entry.segments, segments)) continue;
    const bool same_method = entry.method == method || (method == "HEAD" && entry.method == "GET");
    if (!same_method) {
      match.allowed.push_back(entry.method);
    } else if (best == nullptr || entry.literals > best->literals) {
      best = &entry;
    }
  }
  if (best == nullptr) return match;
  match.handler = &best->handler;
  for (size_t i = 0; i < segments.size(); ++i) {
    const std::string& name = best->segments[i];
    if (IsName(name)) match.params[name.substr(1, name.size() - 2)] = segments[i];
  }
  return match;
}

}  // namespace perennial::http
