#include <charconv>
#include <chrono>
#include <memory>

#include "api/json_body.h"
#include "api/services.h"

namespace perennial::api {
namespace {

constexpr size_t kMaxPage = 64;
// A stream call must return within a second.
constexpr auto kWait = std::chrono::milliseconds(800);

// One follower of the event stream.
struct Follower {
  uint64_t cursor = 0;
  bool greeted = false;
  SteadyTime last_write;
};

std::string ServerSentEvent(const Event& event) {
  return "id: " + std::to_string(event.id) + "\nevent: " + event.type + "\ndata: " + event.data + "\n\n";
}

// One call of the stream: what is new, or a comment now and then. False ends the stream.
bool Pump(const EventHub& hub, Follower& follower, Duration keep_alive,
          const std::function<bool(std::string_view)>& write) {
  const auto now = [] { return std::chrono::steady_clock::now(); };
  if (!follower.greeted) {
    // At once, so that the client knows it is connected; `retry` is its pause before it comes back.
    follower.greeted = true;
    follower.last_write = now();
    return write(": connected\nretry: 1000\n\n");
  }
  const EventHub::Page page = hub.After(follower.cursor, kMaxPage, now() + kWait);
  std::string out;
  if (page.missed)
    out += "event: missed\ndata: {\"type\":\"missed\",\"after\":" + std::to_string(follower.cursor) + "}\n\n";
  for (const Event& event : page.events) out += ServerSentEvent(event);
  follower.cursor = page.cursor;
  if (out.empty() && !page.closed && now() - follower.last_write >= keep_alive) out = ": keep-alive\n\n";
  if (out.empty()) return !page.closed;
  follower.last_write = now();
  return write(out) && !(page.closed && page.events.empty());
}

// Where to go on: the Last-Event-ID header of a browser that comes back, or ?after=; else only what is new.
Result<uint64_t> FirstCursor(const Services& services, const http::Request& request) {
  PERENNIAL_RETURN_IF_ERROR(RejectUnknownQuery(request, {"after"}));
  const std::string_view last = request.Header("last-event-id");
  if (last.empty()) return QueryUnsigned(request, "after", 0, UINT64_MAX, services.events.LastId());
  uint64_t id = 0;
  const auto [end, error] = std::from_chars(last.data(), last.data() + last.size(), id);
  if (error != std::errc() || end != last.data() + last.size()) {
    return InvalidArgument("Last-Event-ID is not a number", "give back the id of the last event, or leave it away");
  }
  return id;
}

}  // namespace

void AddEventRoutes(RouteTable& table, const Services& services, const ApiOptions& options) {
  table.Add("GET", "/api/v1/events", [&services, &options](const http::Request& request, http::Response& response) {
    const auto cursor = FirstCursor(services, request);
    if (!cursor.ok()) return Fail(response, cursor.status());
    auto follower = std::make_shared<Follower>();
    follower->cursor = *cursor;
    response.content_type = "text/event-stream";
    response.headers.emplace_back("Cache-Control", "no-store");
    response.stream = [&hub = services.events, follower, keep_alive = std::chrono::milliseconds(options.keep_alive_ms)](
                          const std::function<bool(std::string_view)>& write) {
      return Pump(hub, *follower, keep_alive, write);
    };
  });
}

}  // namespace perennial::api
