#include "replay/state_table.h"

#include <cmath>
#include <utility>

namespace perennial::replay {

bool IsEmpty(const ItemState& state) { return state.logits.empty() && std::isnan(state.loss); }

uint64_t BytesOf(const ItemState& state) {
  return IsEmpty(state) ? 0 : sizeof(state.loss) + sizeof(uint16_t) * state.logits.size();
}

void StateTable::Put(std::shared_ptr<const ItemState>& place, ItemState state) {
  if (place != nullptr) {
    bytes_ -= BytesOf(*place);
    --filled_;
  }
  bytes_ += BytesOf(state);
  if (!IsEmpty(state)) ++filled_;
  place = IsEmpty(state) ? nullptr : std::make_shared<const ItemState>(std::move(state));
}

void StateTable::Add(uint64_t id, ItemState state) {
  if (!IsEmpty(state)) changes_.changed.insert(id);
  Put(states_[id], std::move(state));
}

void StateTable::Restore(uint64_t id, ItemState state) { Put(states_[id], std::move(state)); }

bool StateTable::Set(uint64_t id, ItemState state) {
  const auto found = states_.find(id);
  if (found == states_.end()) return false;
  if (IsEmpty(state)) {
    changes_.changed.erase(id);
    changes_.removed.insert(id);
  } else {
    changes_.removed.erase(id);
    changes_.changed.insert(id);
  }
  Put(found->second, std::move(state));
  return true;
}

void StateTable::Remove(uint64_t id) {
  const auto found = states_.find(id);
  if (found == states_.end()) return;
  if (found->second != nullptr) {
    bytes_ -= BytesOf(*found->second);
    --filled_;
    changes_.changed.erase(id);
    changes_.removed.insert(id);
  }
  states_.erase(found);
}

std::shared_ptr<const ItemState> StateTable::Find(uint64_t id) const {
  const auto found = states_.find(id);
  return found == states_.end() ? nullptr : found->second;
}

StateChanges StateTable::TakeChanges() { return std::exchange(changes_, StateChanges()); }

void StateTable::ReturnChanges(const StateChanges& changes) {
  for (const uint64_t id : changes.changed) {
    if (!changes_.removed.contains(id)) changes_.changed.insert(id);
  }
  for (const uint64_t id : changes.removed) {
    if (!changes_.changed.contains(id)) changes_.removed.insert(id);
  }
}

}  // namespace perennial::replay
