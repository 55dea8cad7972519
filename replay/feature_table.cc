#include "replay/feature_table.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "storage/base/bytes.h"

namespace perennial::replay {

void FeatureTable::Sum::Add(const Feature& feature, int64_t times) {
  count = static_cast<uint64_t>(static_cast<int64_t>(count) + times);
  for (size_t i = 0; i < kFeatures; ++i) of[i] += times * feature[i];
}

FeatureTable::Means& FeatureTable::At(uint32_t partition) {
  if (partition >= means_.size()) means_.resize(partition + 1);
  return means_[partition];
}

void FeatureTable::Meet(uint32_t partition, const Feature& feature) {
  At(partition).stream.Add(feature, 1);
  dirty_means_.Mark(partition);
  arriving_ = feature;
}

void FeatureTable::Keep(uint64_t id, uint32_t partition) {
  features_.emplace(id, arriving_);
  At(partition).held.Add(arriving_, 1);
  added_.insert(id);
}

void FeatureTable::Remove(uint64_t id, uint32_t partition) {
  const auto at = features_.find(id);
  if (at == features_.end()) return;
  At(partition).held.Add(at->second, -1);
  features_.erase(at);
  // One that was never saved may be saved by a contribution that is not confirmed yet.
  added_.erase(id);
  removed_.insert(id);
}

void FeatureTable::Unmeet(uint32_t partition, size_t before) {
  const auto scaled = [](auto value, auto times, auto by) { return value / by * times + value % by * times / by; };
  Means& means = At(partition);
  const uint64_t now = means.held.count, seen = means.stream.count;
  means.stream = Sum();
  dirty_means_.Mark(partition);
  if (now == 0) return;
  means.stream.count = std::max<uint64_t>(now, scaled(seen, now, uint64_t{before}));
  for (size_t i = 0; i < kFeatures; ++i) {
    means.stream.of[i] =
        scaled(means.held.of[i], static_cast<int64_t>(means.stream.count), static_cast<int64_t>(now));
  }
}

double FeatureTable::Distance(uint32_t partition, const Feature* joins, const Feature* leaves) const {
  const Means& means = means_[partition];
  const double held = static_cast<double>(means.held.count) + (joins == nullptr ? 0 : 1) - (leaves == nullptr ? 0 : 1);
  if (held <= 0 || means.stream.count == 0) return std::numeric_limits<double>::infinity();
  const double share = 1 / held, stream_share = 1 / static_cast<double>(means.stream.count);
  double squares = 0;
  for (size_t i = 0; i < kFeatures; ++i) {
    const int64_t sum =
        means.held.of[i] + (joins == nullptr ? 0 : (*joins)[i]) - (leaves == nullptr ? 0 : (*leaves)[i]);
    const double apart = static_cast<double>(sum) * share - static_cast<double>(means.stream.of[i]) * stream_share;
    squares += apart * apart;
  }
  return squares;
}

void FeatureTable::Restore(uint64_t id, uint32_t partition, const Feature& feature) {
  if (features_.emplace(id, feature).second) At(partition).held.Add(feature, 1);
}

void FeatureTable::RestoreMean(uint32_t partition, std::string_view key, const std::string* saved) {
  Means& means = At(partition);
  if (saved != nullptr) {
    ByteReader in(*saved);
    const bool is_its_own = in.Bytes() == key;  // else of a partition of another rule
    Sum stream;
    stream.count = in.Varint();
    for (int64_t& one : stream.of) one = in.I64();
    if (is_its_own && in.ok() && stream.count > 0) {
      means.stream = stream;
      return;
    }
  }
  means.stream = means.held;
  // What is held changes: a later start must find this mean, not make another one.
  dirty_means_.Mark(partition);
}

std::string FeatureTable::EncodeMean(uint32_t partition, std::string_view key) const {
  ByteWriter out;
  out.Bytes(key);
  const Sum stream = partition < means_.size() ? means_[partition].stream : Sum();
  out.Varint(stream.count);
  for (const int64_t one : stream.of) out.I64(one);
  return out.Take();
}

FeatureChanges FeatureTable::TakeChanges() {
  return {std::exchange(added_, {}), std::exchange(removed_, {}), dirty_means_.Take()};
}

void FeatureTable::ReturnChanges(const FeatureChanges& changes) {
  for (const uint64_t id : changes.added) {
    if (!removed_.contains(id)) added_.insert(id);
  }
  removed_.insert(changes.removed.begin(), changes.removed.end());
  for (const uint32_t partition : changes.means) dirty_means_.Mark(partition);
}

}  // namespace perennial::replay
