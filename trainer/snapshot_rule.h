#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/status.h"
#include "trainer/recent_classes.h"

namespace perennial::trainer {

// When a method that was made for tasks takes what it knows for an old task. Nobody tells it where one ends, so it
// reads the stream: a snapshot is due before the first step on a batch with a class that the last `window` batches
// lacked, at least `window` batches after the last one, and in any case every `longest` batches. On classes that come
// in turn that is where they change; on a stream that stays as it is, every `longest`. Value type; part of a strategy's
// state.
class SnapshotRule {
 public:
  SnapshotRule(uint64_t window, uint64_t longest) : window_(window), longest_(longest), recent_(window) {}
  // Whether one is due before the steps on batch `number`, whose new samples are of `classes`. True at most once a
  // batch. REQUIRES numbers never fall.
  bool Due(uint64_t number, const std::vector<int64_t>& classes);
  std::string Save() const;
  Status Load(std::string_view state);

 private:
  uint64_t window_;
  uint64_t longest_;
  RecentClasses recent_;
  uint64_t next_ = 0;  // number of the next batch that was not asked about
  uint64_t last_ = 0;  // of the batch before which the last snapshot was due; 0: none was
};

}  // namespace perennial::trainer
