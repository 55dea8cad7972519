#pragma once

#include <cstdint>
#include <vector>

#include "storage/base/status.h"

namespace perennial::trainer {

// How many optimiser steps a batch of new samples is worth.
struct StepScheduleOptions {
  uint64_t least = 1;        // of every batch
  uint64_t most = 1;         // of a batch whose labels are all new
  double label_samples = 0;  // S; 0: every batch takes `least`
  // kInvalidArgument unless 1 <= least <= most <= 1000 and S is finite and not negative.
  Status Validate() const;
};

// More steps while what comes in is little known. A stream is read once, and a network that meets a label for the first
// time learns little from one step on each batch, though the memory holds what it needs for more. The n-th sample of a
// label (from 0) asks for
//
//   s(n) = clamp(S / (1 + n), least, most)
//
// steps, and a batch takes the mean of what its samples ask for, rounded to the nearest whole number. So all steps of a
// stream together are the sum of s over its samples divided by the batch's size, whatever the order in which labels
// come and however they share batches; and a stream of labels that are seen once each costs at most `most` times the
// steps, only as far as it consists of them.
//
// A function of the log alone: the counts are part of the checkpoint. Free of LibTorch. Value type.
class StepSchedule {
 public:
  explicit StepSchedule(StepScheduleOptions options) : options_(options) {}

  // `labels`: the output index of each sample of a batch. `least` for an empty batch.
  uint64_t StepsFor(const std::vector<int64_t>& labels) const;
  // The batch was trained.
  void Note(const std::vector<int64_t>& labels);
  // Samples of these labels were noted and are to count no longer.
  void Forget(const std::vector<int64_t>& labels);

  // By output index, as long as the highest one that was noted.
  const std::vector<uint64_t>& seen() const { return seen_; }
  void Restore(std::vector<uint64_t> seen) { seen_ = std::move(seen); }

 private:
  StepScheduleOptions options_;
  std::vector<uint64_t> seen_;
};

}  // namespace perennial::trainer
