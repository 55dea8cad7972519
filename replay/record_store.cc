#include "replay/record_store.h"

#include <utility>

#include "replay/replay_codec.h"

namespace perennial::replay {

void RecordStore::Remove(uint64_t id) {
  if (fresh_.erase(id) > 0) return;
  contributed_.erase(id);
  removed_.insert(id);
}

const std::string* RecordStore::FindInMemory(uint64_t id) const {
  for (const auto* records : {&fresh_, &contributed_}) {
    const auto found = records->find(id);
    if (found != records->end()) return &found->second;
  }
  return nullptr;
}

Result<std::vector<std::string>> RecordStore::Read(const std::vector<uint64_t>& ids) const {
  std::vector<std::string> records(ids.size());
  std::vector<std::string> keys;
  std::vector<size_t> places;
  for (size_t i = 0; i < ids.size(); ++i) {
    if (const std::string* record = FindInMemory(ids[i]); record != nullptr) {
      records[i] = *record;
      continue;
    }
    keys.push_back(Key(prefix_, KeyKind::kExample, ids[i]));
    places.push_back(i);
  }
  if (keys.empty()) return records;
  PERENNIAL_ASSIGN_OR_RETURN(auto values, store_.MultiGet(family_, keys));
  for (size_t k = 0; k < places.size(); ++k) {
    if (!values[k]) return Corruption("remembered example " + std::to_string(ids[places[k]]) + " is missing");
    records[places[k]] = std::move(*values[k]);
  }
  return records;
}

void RecordStore::ContributeTo(kv::WriteBatch& batch) {
  contributed_.merge(fresh_);
  fresh_.clear();
  removal_contributed_.merge(removed_);
  removed_.clear();
  for (const uint64_t id : removal_contributed_) batch.Delete(family_, Key(prefix_, KeyKind::kExample, id));
  for (const auto& [id, record] : contributed_) batch.Put(family_, Key(prefix_, KeyKind::kExample, id), record);
}

void RecordStore::Confirm() {
  // New tables, so that a large checkpoint's do not stay.
  contributed_ = {};
  removal_contributed_ = {};
}

}  // namespace perennial::replay
