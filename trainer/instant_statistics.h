#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/status.h"

namespace perennial::trainer {

// The sufficient statistics of a linear classifier on integer features h of 0 .. 127:
//   G = sum h h^T [D, D] (upper triangle), C_c = sum of h over the samples of label c [labels, D], n_c their number.
// All are integers: a product of a block of at most 512 rows is exact in f32 (127^2 * 512 < 2^24) and the sums are
// exact in double (below 2^53: 5 * 10^11 samples). So the state is a function of the *set* of samples: order, batch
// size, thread count and processor leave no trace, not even in the last bit, and taking samples away again is exact
// (ACIL, Zhuang et al., NeurIPS 2022, has the recursion; here it is a sum). Two states add up to the state of both sets
// (Merge).
//
// Owned by the learner; thread-compatible (bytes() and the readers flush nothing; call Flush first).
class InstantStatistics {
 public:
  explicit InstantStatistics(int64_t features);

  // rows: [count, D] f32 with integers of 0 .. 127, labels: [count], each >= 0 (a new one grows C). Nothing is taken in
  // when anything is wrong: kInvalidArgument.
  Status Add(const float* rows, const int64_t* labels, int64_t count);
  // Takes samples away that were added before, in any order: the caller must give the same features and labels (from
  // the log). kFailedPrecondition when a label has fewer samples than are taken from it; features that were never added
  // cannot be told apart and leave wrong statistics.
  Status Remove(const float* rows, const int64_t* labels, int64_t count);
  // Adds another's samples (of another process or stream). kInvalidArgument when the widths differ.
  Status Merge(InstantStatistics& other);
  // Takes another's samples away, all of which must have been added: then exactly as if they had never come, but for
  // empty labels before the last one that has samples. kFailedPrecondition, and nothing is changed, when a label has
  // fewer samples than that; kInvalidArgument when the widths differ.
  Status Subtract(InstantStatistics& other);

  // Rows wait for a full block; the result does not depend on when they are multiplied. Readers below REQUIRE that
  // Flush was called after the last change.
  void Flush();

  int64_t features() const { return features_; }
  int64_t labels() const { return static_cast<int64_t>(counts_.size()); }
  int64_t samples() const { return samples_; }
  const std::vector<int64_t>& counts() const { return counts_; }
  // G's row i from the diagonal on: features() - i values.
  const double* GramRow(int64_t i) const { return gram_.data() + i * features_ - i * (i - 1) / 2; }
  const double* LabelSum(int64_t label) const { return sums_.data() + label * features_; }

  // Format in trainer/instant_statistics.md. Save flushes.
  std::string Save();
  static Result<InstantStatistics> Load(std::string_view bytes);
  // Memory it takes, rows that wait included.
  uint64_t bytes() const;
  // The most it takes with so many labels.
  static uint64_t MostBytes(int64_t features, int64_t labels);

 private:
  Status Take(const float* rows, const int64_t* labels, int64_t count, float sign);
  Status Check(const float* rows, const int64_t* labels, int64_t count, float sign) const;
  double* MutableGramRow(int64_t i) { return gram_.data() + i * features_ - i * (i - 1) / 2; }

  int64_t features_;
  int64_t samples_ = 0;
  std::vector<int64_t> counts_;  // n_c
  std::vector<double> sums_;     // [labels, D]
  std::vector<double> gram_;     // D (D + 1) / 2, rows of the upper triangle
  std::vector<float> pending_;   // rows that wait, [waiting, D]
  std::vector<float> signs_;     // 1: added, -1: taken away
};

// Labels beyond this many are refused: C would take more memory than a hub has.
inline constexpr int64_t kMostInstantLabels = 65536;

}  // namespace perennial::trainer
