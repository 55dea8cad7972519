#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "serving/model/instant_solution.h"
#include "storage/base/status.h"
#include "trainer/instant_statistics.h"

namespace perennial::trainer {

struct InstantSolverOptions {
  double ridge = 1e-3;  // lambda as a share of the mean variance of a feature
  double balance = 1;   // label c weighs as if it had n_c^(1 - balance) samples: 0 as they came, 1 all alike
  Status Validate() const;
};

// Ridge regression of one-hot labels with an intercept that is not penalised:
//   W = A^-1 B,  A = S + N sum_c p_c (m_c - m)(m_c - m)^T + lambda I,  B_c = N p_c (m_c - m),  bias_c = p_c,
//   S = G - sum_c n_c m_c m_c^T (scatter within labels), m_c = C_c / n_c, p_c ~ n_c^(1 - balance), m = sum_c p_c m_c.
// With balance 0 that is plain least squares on all samples (A = centred G + lambda I). With more, the labels' means
// count as if labels were more alike in number while the scatter within labels, of which a rare label tells little, is
// everyone's: exact from G and C, no statistics per label needed (the pooled covariance of linear discriminant
// analysis; Hayes and Kanan, CVPR-W 2020, use it for streaming).
//
// Solve is a function of the statistics alone: bit-equal for every order and batch size on one processor type. Update
// is for the seconds between two of them: it keeps the factor U^T U = A of the last Solve and corrects it by the few
// rows that came since (Woodbury): with the signed rows as columns of V, s = diag(+-1),
//   (A + V s V^T)^-1 B = A^-1 B - Z^T (s^-1 + Y^T Y)^-1 Y^T U^-T B,  Y = U^-T V,  Z = U^-1 Y,
// k D^2 operations for k rows where a factorisation takes D^3 / 3. Owned by the learner; thread-compatible.
class InstantSolver {
 public:
  // REQUIRES valid options.
  explicit InstantSolver(InstantSolverOptions options) : options_(options) {}

  // Factors anew, with the options' ridge or the `lambda` given. kFailedPrecondition when there are no samples;
  // kInternal when A is not positive definite. REQUIRES statistics.Flush() was called.
  Result<model::InstantSolution> Solve(const InstantStatistics& statistics, std::optional<double> lambda = {});

  // The same solution, from the last factor. `rows` [count, D] and `signs` are what Add (+1) and Remove (-1) took since
  // Solve, lambda stays what it was then. kFailedPrecondition when there was no Solve or when a factorisation is
  // cheaper or safer (CanUpdate); then call Solve.
  Result<model::InstantSolution> Update(const InstantStatistics& statistics, const float* rows,
                                        const std::vector<float>& signs);
  bool CanUpdate(const InstantStatistics& statistics, int64_t count) const;

  const InstantSolverOptions& options() const { return options_; }
  void set_ridge(double ridge) { options_.ridge = ridge; }
  // Of the last Solve, absolute.
  double lambda() const { return lambda_; }
  uint64_t bytes() const;

 private:
  InstantSolverOptions options_;
  double lambda_ = 0;
  std::vector<double> factor_;  // U [D, D], empty before the first Solve
  std::vector<double> origin_;  // [D]: features are taken relative to it, the mean at the last Solve
  std::vector<double> means_;   // of the terms that A contains beside rows: see the .cc
  std::vector<double> mean_signs_;
};

}  // namespace perennial::trainer
