#pragma once

#include <cstdint>
#include <vector>

#include "storage/base/clock.h"
#include "storage/base/ids.h"
#include "storage/base/status.h"
#include "trainer/prefetcher.h"

namespace perennial::trainer {

// Collects the new samples of the next step: the next `size` trainable entries of the log, or fewer when a flush entry
// comes. So a batch is a function of log offsets only; how long the entries take to arrive does not matter. Owned by
// the trainer; thread-compatible.
class BatchAssembler {
 public:
  BatchAssembler(Prefetcher& prefetcher, size_t size, Offset begin)
      : prefetcher_(prefetcher), size_(size), cursor_(begin) {}

  enum class State : uint8_t {
    kReady,    // samples() is the next batch
    kWaiting,  // the deadline passed; what came so far is kept
    kFlushed,  // a flush entry was passed with no sample before it
  };
  Result<State> Fill(SteadyTime deadline);

  const std::vector<Prepared>& samples() const { return samples_; }
  // True when a flush entry ended the batch.
  bool ended_by_flush() const { return ended_by_flush_; }
  // Where reading goes on once the batch was trained. While a batch is incomplete: where it began.
  Offset cursor() const { return cursor_; }
  // The batch was trained: hands its samples over and starts the next one.
  std::vector<Prepared> Commit();

 private:
  Prefetcher& prefetcher_;
  const size_t size_;
  Offset cursor_;
  Offset next_cursor_;
  std::vector<Prepared> samples_;
  bool ready_ = false;
  bool ended_by_flush_ = false;
};

}  // namespace perennial::trainer
