#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "storage/base/clock.h"
#include "storage/base/mutex.h"

namespace perennial::api {

// One thing that happened. `data` is a JSON object on one line, with at least "type" and "time_us".
struct Event {
  uint64_t id = 0;
  std::string type;
  std::string data;
};

// A named value of an event's data.
struct EventField {
  std::string name;
  std::variant<std::string, uint64_t, double, bool> value;
  EventField(std::string n, std::string v) : name(std::move(n)), value(std::move(v)) {}
  EventField(std::string n, const char* v) : name(std::move(n)), value(std::string(v)) {}
  EventField(std::string n, uint64_t v) : name(std::move(n)), value(v) {}
  EventField(std::string n, double v) : name(std::move(n)), value(v) {}
  EventField(std::string n, bool v) : name(std::move(n)), value(v) {}
};

// The hub's recent events: a ring with increasing ids, from which every follower reads with a cursor of its own, so a
// slow follower costs no memory and never holds the others up. Owned by the hub. Thread-safe.
class EventHub {
 public:
  // Ids begin at `first_id` (> 0). A hub that takes it from its epoch keeps ids increasing over restarts.
  EventHub(size_t capacity, uint64_t first_id, const Clock& clock);

  uint64_t Publish(std::string_view type, const std::vector<EventField>& fields);

  struct Page {
    std::vector<Event> events;
    uint64_t cursor = 0;  // give it back as `after`
    bool missed = false;  // events between `after` and the first one here are no longer held
    bool closed = false;  // nothing will follow
  };
  // Events with ids above `after`, at most `max`; waits for one until `deadline`.
  Page After(uint64_t after, size_t max, SteadyTime deadline) const;
  // Id of the newest event, or `first_id` - 1.
  uint64_t LastId() const;
  // Ends all waits; followers are told that nothing follows.
  void Close();

 private:
  const size_t capacity_;
  const uint64_t first_id_;
  const Clock& clock_;
  mutable Mutex mutex_;
  mutable CondVar changed_;
  uint64_t next_id_ GUARDED_BY(mutex_);
  bool closed_ GUARDED_BY(mutex_) = false;
  std::deque<Event> ring_ GUARDED_BY(mutex_);
};

}  // namespace perennial::api
