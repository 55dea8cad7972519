#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "serving/http/server.h"

namespace perennial::http {

// Routes by path segments: literal or "{name}", one name a segment; a literal wins over a name. No regular expressions:
// time is linear in the number of routes and nothing recurses. Filled before the server listens, read-only after.
// Thread-compatible.
class Router {
 public:
  void Add(const std::string& method, const std::string& pattern, Handler handler);

  struct Match {
    const Handler* handler = nullptr;  // null: no such path, or not with this method
    std::map<std::string, std::string> params;
    std::vector<std::string> allowed;  // methods of this path, when the method did not fit
  };
  // HEAD falls back to GET.
  Match Find(const std::string& method, const std::vector<std::string>& segments) const;

 private:
  struct Entry {
    std::string method;
    std::vector<std::string> segments;
    size_t literals = 0;
    Handler handler;
  };
  std::vector<Entry> entries_;
};

}  // namespace perennial::http
