#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "serving/http/server.h"

namespace perennial::api {

// What one route has answered so far. Thread-safe.
struct RouteCounters {
  static constexpr std::array<double, 8> kBoundsSeconds = {0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 30};
  std::array<std::atomic<uint64_t>, 6> by_status_class{};                     // index 2: 2xx, ...
  std::array<std::atomic<uint64_t>, kBoundsSeconds.size() + 1> by_seconds{};  // one bucket each, the last is "longer"
  std::atomic<uint64_t> micros{0};
};

// One endpoint.
struct Route {
  std::string method;
  std::string pattern;  // "/api/v1/versions/{id}"
  http::Handler handler;
  RouteCounters counters;
};

// All endpoints of the admin API in one list, so that a test can hold it against the OpenAPI document. Filled before
// the server listens, then constant; the table must outlive the server.
class RouteTable {
 public:
  void Add(std::string method, std::string pattern, http::Handler handler);
  // Registers every route, counted and timed.
  void Install(http::Server& server);
  const std::deque<Route>& routes() const { return routes_; }

 private:
  std::deque<Route> routes_;  // counters can't move
};

}  // namespace perennial::api
