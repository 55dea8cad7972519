#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/status.h"

namespace perennial::trainer {

// Which classes the stream brings at present: those among the new samples of the last `window` batches. On a stream
// that stays as it is, that is soon every class; after a change, the new ones. Value type; part of a strategy's state.
class RecentClasses {
 public:
  explicit RecentClasses(uint64_t window) : window_(window) {}
  void Note(uint64_t batch, const std::vector<int64_t>& classes);
  // By class, of `labels` classes.
  std::vector<bool> At(uint64_t batch, int64_t labels) const;
  std::string Save() const;
  Status Load(std::string_view state);

 private:
  uint64_t window_;
  std::vector<uint64_t> next_after_;  // by class: the batch after its last; 0: never
};

}  // namespace perennial::trainer
