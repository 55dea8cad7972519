#include "api/event_hub.h"

#include <nlohmann/json.hpp>

namespace perennial::api {

EventHub::EventHub(size_t capacity, uint64_t first_id, const Clock& clock)
    : capacity_(capacity), first_id_(first_id), clock_(clock), next_id_(first_id) {}

uint64_t EventHub::Publish(std::string_view type, const std::vector<EventField>& fields) {
  nlohmann::ordered_json data = {{"type", type}, {"time_us", clock_.WallMicros()}};
  for (const EventField& field : fields) {
    std::visit([&](const auto& value) { data[field.name] = value; }, field.value);
  }
  Event event;
  event.type = type;
  // Bytes that are no UTF-8 (a peer's error text) must not make the dump throw.
  event.data = data.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  MutexLock lock(mutex_);
  event.id = next_id_++;
  ring_.push_back(std::move(event));
  if (ring_.size() > capacity_) ring_.pop_front();
  changed_.NotifyAll();
  return next_id_ - 1;
}

EventHub::Page EventHub::After(uint64_t after, size_t max, SteadyTime deadline) const {
  MutexLock lock(mutex_);
  // A cursor from the future (another hub's) would wait for ever.
  if (after >= next_id_) after = next_id_ - 1;
  while (!closed_ && next_id_ - 1 <= after) {
    if (!changed_.WaitUntil(mutex_, deadline)) break;
  }
  Page page;
  page.closed = closed_;
  page.cursor = after;
  if (ring_.empty() || ring_.back().id <= after) return page;
  const uint64_t oldest = ring_.front().id;
  // A cursor of an earlier run of the hub: what came between can't be told, unless the follower asked for all there is
  // (0).
  page.missed = after != 0 && after + 1 < oldest;
  const size_t begin = after < oldest ? 0 : static_cast<size_t>(after + 1 - oldest);
  for (size_t i = begin; i < ring_.size() && page.events.size() < max; ++i) page.events.push_back(ring_[i]);
  page.cursor = page.events.back().id;
  return page;
}

uint64_t EventHub::LastId() const {
  MutexLock lock(mutex_);
  return next_id_ - 1;
}

void EventHub::Close() {
  MutexLock lock(mutex_);
  closed_ = true;
  changed_.NotifyAll();
}

}  // namespace perennial::api
