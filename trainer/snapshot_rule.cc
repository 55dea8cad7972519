#include "trainer/snapshot_rule.h"

#include <algorithm>

#include "storage/base/bytes.h"

namespace perennial::trainer {

bool SnapshotRule::Due(uint64_t number, const std::vector<int64_t>& classes) {
  if (number < next_) return false;
  next_ = number + 1;
  bool due = number >= last_ + longest_;
  if (!due && number >= last_ + window_ && !classes.empty()) {
    const int64_t labels = *std::max_element(classes.begin(), classes.end()) + 1;
    // Of the batches before this one.
    const std::vector<bool> recent = recent_.At(number - 1, labels);
    due = std::any_of(classes.begin(), classes.end(), [&](int64_t one) { return !recent[static_cast<size_t>(one)]; });
  }
  recent_.Note(number, classes);
  if (due) last_ = number;
  return due;
}

std::string SnapshotRule::Save() const {
  ByteWriter out;
  out.Varint(next_);
  out.Varint(last_);
  out.Bytes(recent_.Save());
  return out.Take();
}

Status SnapshotRule::Load(std::string_view state) {
  ByteReader in(state);
  const uint64_t next = in.Varint();
  const uint64_t last = in.Varint();
  const std::string_view recent = in.Bytes();
  if (in.ok() && last > next) in.Fail();
  PERENNIAL_RETURN_IF_ERROR(in.Finish("snapshot rule"));
  PERENNIAL_RETURN_IF_ERROR(recent_.Load(recent));
  next_ = next;
  last_ = last;
  return Status::Ok();
}

}  // namespace perennial::trainer
