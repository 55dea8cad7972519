#include "trainer/recent_classes.h"

#include "storage/base/bytes.h"

namespace perennial::trainer {
namespace {

constexpr uint64_t kMostClasses = 1u << 20;

}  // namespace

void RecentClasses::Note(uint64_t batch, const std::vector<int64_t>& classes) {
  for (const int64_t one : classes) {
    const auto index = static_cast<size_t>(one);
    if (index >= next_after_.size()) next_after_.resize(index + 1, 0);
    next_after_[index] = batch + 1;
  }
}

std::vector<bool> RecentClasses::At(uint64_t batch, int64_t labels) const {
  std::vector<bool> recent(static_cast<size_t>(labels), false);
  for (size_t i = 0; i < recent.size() && i < next_after_.size(); ++i) {
    recent[i] = next_after_[i] != 0 && next_after_[i] + window_ > batch;
  }
  return recent;
}

std::string RecentClasses::Save() const {
  ByteWriter out;
  out.Varint(next_after_.size());
  for (const uint64_t batch : next_after_) out.Varint(batch);
  return out.Take();
}

Status RecentClasses::Load(std::string_view state) {
  ByteReader in(state);
  const uint64_t count = in.Varint();
  if (!in.ok() || count > kMostClasses) return Corruption("recent classes: malformed count");
  std::vector<uint64_t> loaded;
  for (uint64_t i = 0; i < count && in.ok(); ++i) loaded.push_back(in.Varint());
  PERENNIAL_RETURN_IF_ERROR(in.Finish("recent classes"));
  next_after_ = std::move(loaded);
  return Status::Ok();
}

}  // namespace perennial::trainer
