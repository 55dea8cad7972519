#include "replay/example_cache.h"

#include <utility>

namespace perennial::replay {

uint64_t CachedBytesOf(const Example& example) {
  // The example and its control block, the picture's, the entry, the place in the map.
  constexpr uint64_t kOverhead = sizeof(Example) + 16 + sizeof(media::Image) + 32 + 24 + 40;
  uint64_t bytes = kOverhead + example.image.size() + example.text.size() + example.label.size() +
                   example.source.size() + example.slice.size();
  if (example.pixels != nullptr) bytes += example.pixels->pixels.size();
  return bytes;
}

const std::shared_ptr<const Example>* ExampleCache::Find(uint64_t id) const {
  const auto found = places_.find(id);
  return found == places_.end() ? nullptr : &entries_[found->second].example;
}

void ExampleCache::Insert(uint64_t id, std::shared_ptr<const Example> example) {
  const uint64_t bytes = CachedBytesOf(*example);
  if (bytes > capacity_) return;
  while (bytes_ + bytes > capacity_) {
    if (next_ >= entries_.size()) next_ = 0;
    EraseAt(next_++);
  }
  places_.emplace(id, static_cast<uint32_t>(entries_.size()));
  entries_.push_back({id, std::move(example)});
  bytes_ += bytes;
}

void ExampleCache::Erase(uint64_t id) {
  const auto found = places_.find(id);
  if (found != places_.end()) EraseAt(found->second);
}

void ExampleCache::EraseAt(size_t place) {
  bytes_ -= CachedBytesOf(*entries_[place].example);
  places_.erase(entries_[place].id);
  if (place + 1 < entries_.size()) {
    entries_[place] = std::move(entries_.back());
    places_[entries_[place].id] = static_cast<uint32_t>(place);
  }
  entries_.pop_back();
}

}  // namespace perennial::replay
