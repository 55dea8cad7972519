#pragma once

#include <cstdint>
#include <vector>

#include "serving/model/instant_head.h"

namespace perennial::trainer {

// Answers of both heads to held-out samples that the gate may look at (never the test part).
struct HeldOutAnswers {
  int64_t labels = 0;
  std::vector<int64_t> truth;   // [n] label index, or -1 for a label that neither head knows
  std::vector<int64_t> slice;   // [n] slice index, >= 0
  std::vector<float> network;   // [n, labels] probabilities of the trained head
  std::vector<float> instant;   // [n, labels] scores of the instant head (before any softmax)
  std::vector<bool> untrained;  // [labels] the trained head has no weights for it yet; empty: it knows all
  int64_t samples() const { return static_cast<int64_t>(truth.size()); }
};

// One slice's part of the fit.
struct SliceBlend {
  uint64_t samples = 0;
  uint64_t network_correct = 0;  // by the trained head alone
  uint64_t instant_correct = 0;  // by the instant head alone
  uint64_t blended_correct = 0;  // with the labels' weights as they are used
  float weight = 0;              // g of the slice
};

struct BlendFit {
  model::InstantUse use;
  std::vector<SliceBlend> slices;
};

// temperature = argmin over a geometric grid of the negative log-likelihood of softmax(instant / temperature); 1 with
// no sample of a known label. (Guo et al., ICML 2017, for networks; ridge scores lie near 0 and 1 and need it more.)
float FitTemperature(const HeldOutAnswers& answers);

// Chooses how much the instant head counts:
//   1. each slice takes the g of {0, .25, .5, .75, 1} with the best accuracy on its samples, 0 unless that gains more
//   than
//      one sample and half a standard error over the trained head;
//   2. a label's weight is the mean of its slices' g, by its held-out samples in each; 0 for a label without any, but 1
//      for one that the trained head cannot know yet;
//   3. labels are shared, so one slice's g can hurt another: while a slice is worse than the trained head alone, the
//      largest g among the slices that share a label with it (itself included) goes down a step. At the end no slice is
//      worse than without the instant head, where only labels with weights 0 are left in the worst case.
// REQUIRES sizes as stated above.
BlendFit FitBlend(const HeldOutAnswers& answers);

}  // namespace perennial::trainer
