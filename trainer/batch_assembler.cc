#include "trainer/batch_assembler.h"

#include <utility>

namespace perennial::trainer {

Result<BatchAssembler::State> BatchAssembler::Fill(SteadyTime deadline) {
  while (!ready_) {
    PERENNIAL_ASSIGN_OR_RETURN(std::optional<Prepared> item, prefetcher_.Next(deadline));
    if (!item) return State::kWaiting;
    next_cursor_ = Offset{item->offset.value + 1};
    switch (item->kind) {
      case Prepared::Kind::kSkipped:
        if (samples_.empty()) cursor_ = next_cursor_;
        break;
      case Prepared::Kind::kFlush:
        if (samples_.empty()) {
          cursor_ = next_cursor_;
          return State::kFlushed;
        }
        ready_ = ended_by_flush_ = true;
        break;
      case Prepared::Kind::kSample:
        samples_.push_back(std::move(*item));
        ready_ = samples_.size() >= size_;
        break;
    }
  }
  return State::kReady;
}

std::vector<Prepared> BatchAssembler::Commit() {
  cursor_ = next_cursor_;
  ready_ = ended_by_flush_ = false;
  return std::exchange(samples_, {});
}

}  // namespace perennial::trainer
