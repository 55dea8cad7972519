#include "api/route_table.h"

#include <chrono>

namespace perennial::api {
namespace {

void Count(RouteCounters& counters, int status, std::chrono::steady_clock::duration took) {
  const size_t status_class = static_cast<size_t>(status / 100);
  if (status_class < counters.by_status_class.size()) ++counters.by_status_class[status_class];
  const double seconds = std::chrono::duration<double>(took).count();
  size_t bucket = 0;
  while (bucket < RouteCounters::kBoundsSeconds.size() && seconds > RouteCounters::kBoundsSeconds[bucket]) ++bucket;
  ++counters.by_seconds[bucket];
  counters.micros += static_cast<uint64_t>(seconds * 1e6);
}

}  // namespace

void RouteTable::Add(std::string method, std::string pattern, http::Handler handler) {
  Route& route = routes_.emplace_back();
  route.method = std::move(method);
  route.pattern = std::move(pattern);
  route.handler = std::move(handler);
}

void RouteTable::Install(http::Server& server) {
  for (Route& route : routes_) {
    server.Route(route.method, route.pattern, [&route](const http::Request& request, http::Response& response) {
      const auto began = std::chrono::steady_clock::now();
      route.handler(request, response);
      Count(route.counters, response.status, std::chrono::steady_clock::now() - began);
    });
  }
}

}  // namespace perennial::api
