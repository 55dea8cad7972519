#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace perennial::trainer {

// A held-out sample that a version gets wrong and its predecessor had right.
struct Flip {
  uint64_t offset = 0;  // in the sample log
  std::string id;       // the sample's own; empty when it has none
  std::string slice;
  std::string true_label;
  std::string old_answer;
  std::string new_answer;
  friend bool operator==(const Flip&, const Flip&) = default;
};

// A version beside the published one before it, on all evaluated held-out samples (the gate's and the report's) of the
// slices that both know. Value type.
struct FlipReport {
  static constexpr size_t kMaxListed = 1000;

  bool known = false;        // false: there was nothing to compare with
  uint64_t compared = 0;     // samples that both answered
  uint64_t lost = 0;         // right before, wrong now
  uint64_t won = 0;          // wrong before, right now
  std::vector<Flip> listed;  // the lost ones, by slice and offset, at most kMaxListed
  // Share of lost among compared: the negative flip rate (Yan et al., Positive-Congruent Training, CVPR 2021).
  double NegativeFlipRate() const {
    return compared == 0 ? 0 : static_cast<double>(lost) / static_cast<double>(compared);
  }
};

}  // namespace perennial::trainer
