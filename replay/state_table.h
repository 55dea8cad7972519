#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <unordered_set>

#include "replay/example.h"

namespace perennial::replay {

// What changed since the states were last saved.
struct StateChanges {
  std::unordered_set<uint64_t> changed;  // to be written
  std::unordered_set<uint64_t> removed;  // may be stored and must not be
};

// The states of the examples that are held, by example id. Beside the examples, so that a memory without states pays
// nothing for them. Every operation is O(1). Owned by the buffer. Thread-compatible.
class StateTable {
 public:
  // Of a new example. An empty state is kept too: it says that the example is held.
  void Add(uint64_t id, ItemState state);
  // From the store: not a change.
  void Restore(uint64_t id, ItemState state);
  // False when `id` is not held.
  bool Set(uint64_t id, ItemState state);
  void Remove(uint64_t id);
  bool Holds(uint64_t id) const { return states_.contains(id); }
  // Null when `id` is not held or has nothing to say.
  std::shared_ptr<const ItemState> Find(uint64_t id) const;

  size_t filled() const { return filled_; }  // examples with a state
  uint64_t bytes() const { return bytes_; }

  // As MemoryTable's.
  StateChanges TakeChanges();
  void ReturnChanges(const StateChanges& changes);

 private:
  void Put(std::shared_ptr<const ItemState>& place, ItemState state);

  std::unordered_map<uint64_t, std::shared_ptr<const ItemState>> states_;  // null: held, without a state
  size_t filled_ = 0;
  uint64_t bytes_ = 0;
  StateChanges changes_;
};

// What a state counts against the budget.
uint64_t BytesOf(const ItemState& state);
// Neither logits nor loss.
bool IsEmpty(const ItemState& state);

}  // namespace perennial::replay
