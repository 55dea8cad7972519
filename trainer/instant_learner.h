#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "serving/model/instant_head.h"
#include "serving/model/model.h"
#include "storage/base/status.h"
#include "trainer/instant_solver.h"
#include "trainer/instant_statistics.h"

namespace perennial::trainer {

struct InstantOptions {
  format::InstantSpec spec;
  InstantSolverOptions solver;
  Status Validate() const;
};

// The closed-form head's whole life at the hub: samples in, samples out again, a solution whenever one is wanted. It
// reads the input, never the network's features: those move with every step, and statistics of moved features would be
// of no network that ever was; input features stay, so nothing is ever refreshed.
//
// Owned by the trainer's driving thread; thread-compatible. LibTorch's exceptions end here.
class InstantLearner {
 public:
  static Result<std::unique_ptr<InstantLearner>> Open(const InstantOptions& options, const format::ModelSpec& network);

  // input: as MakeBatch makes it, before any augmentation (Forget must be able to make it again); labels: [batch].
  Status Observe(const model::ModelInput& input, const std::vector<int64_t>& labels);
  // The same samples again, in any order and batches: exactly as if they had never come.
  Status Forget(const model::ModelInput& input, const std::vector<int64_t>& labels);
  // All samples that another learner of the same options observed. When it fails, nothing has changed.
  Status Forget(InstantLearner& samples);

  // The solution for all samples observed, with rows for at least `labels` labels. An update of the last one when few
  // samples came since, a factorisation otherwise or when `anew`: the two agree to 1e-5 and better, but only the second
  // is bit-equal over restarts and for every order.
  Result<model::InstantSolution> Solve(int64_t labels, bool anew = false);

  // The solution with these samples taken in too, which stay unobserved: those that wait for their batch. Factors anew.
  Result<model::InstantSolution> SolveWith(const model::ModelInput& input, const std::vector<int64_t>& labels,
                                           int64_t total) const;

  // The instant head's own scores, [n, labels] row-major, for a solution of Solve.
  Result<std::vector<float>> Scores(const model::InstantSolution& solution, const model::ModelInput& input) const;

  const InstantOptions& options() const { return options_; }
  int64_t samples() const { return statistics_.samples(); }
  int64_t labels() const { return statistics_.labels(); }
  const std::vector<int64_t>& counts() const { return statistics_.counts(); }
  // For buffer_bytes: the statistics, which are what it has instead of a buffer. Scratch (the factor) comes on top.
  uint64_t bytes() const { return statistics_.bytes(); }
  uint64_t scratch_bytes() const { return solver_.bytes() + recent_.size() * sizeof(float) + features_.bytes(); }

  // Format in trainer/instant_learner.md.
  std::string Save();
  // What Save gave, under the same options: kFailedPrecondition when spec or image size differ, kCorruption for broken
  // bytes.
  static Result<std::unique_ptr<InstantLearner>> Load(std::string_view bytes, const InstantOptions& options,
                                                      const format::ModelSpec& network);

 private:
  InstantLearner(InstantOptions options, model::RandomFeatures features)
      : options_(std::move(options)),
        features_(std::move(features)),
        statistics_(options_.spec.width),
        solver_(options_.solver) {}
  Result<std::vector<float>> Extract(const model::ModelInput& input) const;
  Status Take(const model::ModelInput& input, const std::vector<int64_t>& labels, float sign);

  const InstantOptions options_;
  const model::RandomFeatures features_;
  InstantStatistics statistics_;
  InstantSolver solver_;
  std::vector<float> recent_;  // [k, D] rows taken since the last factorisation, while an update is the cheaper way
  std::vector<float> signs_;   // [k]
  bool too_many_ = true;       // rows were taken that recent_ does not hold
};

}  // namespace perennial::trainer
