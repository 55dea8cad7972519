#pragma once

#include <cstddef>
#include <vector>

#include "storage/base/clock.h"
#include "storage/base/mutex.h"
#include "storage/base/status.h"

namespace perennial::trainer {

// CPU time of the calling thread since it began.
Duration ThreadCpuTime();

// Divides compute between the trainer that counts and the shadows that are only there to compare: while the main
// trainer has work, shadow i may begin its next step only while
//
//   spent_i < grace + (main + sum_j spent_j) * share / shadows
//
// with CPU times, so that all shadows together have at most `share` of all that is spent, whatever else the machine
// does. When the main trainer has nothing to do (the log is read, it is paused or failed) what is free is theirs: a
// shadow that fell behind catches up then, and is compared where it is. A step that has begun is not cut short, so a
// shadow is over by at most one; what it used while the main trainer rested counts too and is made up for later.
// Thread-safe.
class ComputeShare {
 public:
  static constexpr Duration kGrace = std::chrono::seconds(1);
  // `share` in (0, 1]; 1: the shadows are never held back.
  static Status Validate(double share);
  ComputeShare(double share, size_t shadows) : share_(share), spent_(shadows) {}

  // By the main trainer, after whatever it did; `idle`: it found nothing to do.
  void MainWorked(Duration spent, bool idle);
  // Paused or failed (true), or running again.
  void MainRests(bool rests);

  bool MayWork(size_t shadow) const;
  void Worked(size_t shadow, Duration spent);

 private:
  const double share_;
  mutable Mutex mutex_;
  Duration main_ GUARDED_BY(mutex_){};
  bool idle_ GUARDED_BY(mutex_) = false;
  bool rests_ GUARDED_BY(mutex_) = false;
  std::vector<Duration> spent_ GUARDED_BY(mutex_);
};

}  // namespace perennial::trainer
