#include "trainer/instant_solver.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "trainer/cholesky.h"

namespace perennial::trainer {
namespace {

using model::InstantSolution;

// Signed vectors v_i with A = sum over samples of (h - o)(h - o)^T + sum_i sign_i v_i v_i^T + lambda I, o the origin.
struct Terms {
  std::vector<double> vectors;  // [terms, D]
  std::vector<double> signs;
};

// What the labels say: their weights p_c, means relative to the origin e_c, and the weighted mean of those.
struct LabelMeans {
  std::vector<double> share;   // p_c
  std::vector<double> offset;  // e_c = m_c - o [labels, D]
  std::vector<double> centre;  // sum_c p_c e_c [D]
};

LabelMeans MeansOf(const InstantStatistics& statistics, double balance, const std::vector<double>& origin) {
  const int64_t width = statistics.features();
  const int64_t labels = statistics.labels();
  LabelMeans out;
  out.share.resize(static_cast<size_t>(labels));
  out.offset.assign(static_cast<size_t>(labels * width), 0);
  out.centre.assign(static_cast<size_t>(width), 0);
  double total = 0;
  for (int64_t c = 0; c < labels; ++c) {
    const auto count = static_cast<double>(statistics.counts()[static_cast<size_t>(c)]);
    double& share = out.share[static_cast<size_t>(c)];
    share = count > 0 ? std::pow(count, 1 - balance) : 0;
    total += share;
  }
  for (int64_t c = 0; c < labels; ++c) {
    const int64_t count = statistics.counts()[static_cast<size_t>(c)];
    double& share = out.share[static_cast<size_t>(c)];
    share /= total;
    if (count == 0) continue;
    const double* sum = statistics.LabelSum(c);
    double* offset = out.offset.data() + c * width;
    for (int64_t j = 0; j < width; ++j) {
      offset[j] = sum[j] / static_cast<double>(count) - origin[static_cast<size_t>(j)];
      out.centre[static_cast<size_t>(j)] += share * offset[j];
    }
  }
  return out;
}

// -n_c e_c e_c^T + N p_c (e_c - e)(e_c - e)^T for every label.
Terms TermsOf(const InstantStatistics& statistics, const LabelMeans& means) {
  const int64_t width = statistics.features();
  const auto samples = static_cast<double>(statistics.samples());
  Terms out;
  const auto append = [&](double factor, double sign, const double* offset, const double* centre) {
    for (int64_t j = 0; j < width; ++j) {
      out.vectors.push_back(factor * (offset[j] - (centre != nullptr ? centre[j] : 0)));
    }
    out.signs.push_back(sign);
  };
  for (int64_t c = 0; c < statistics.labels(); ++c) {
    const auto count = static_cast<double>(statistics.counts()[static_cast<size_t>(c)]);
    if (count == 0) continue;
    const double* offset = means.offset.data() + c * width;
    append(std::sqrt(count), -1, offset, nullptr);
    append(std::sqrt(samples * means.share[static_cast<size_t>(c)]), 1, offset, means.centre.data());
  }
  return out;
}

int64_t PresentLabels(const InstantStatistics& statistics) {
  return std::count_if(statistics.counts().begin(), statistics.counts().end(), [](int64_t n) { return n > 0; });
}

std::vector<double> MeanOf(const InstantStatistics& statistics) {
  std::vector<double> mean(static_cast<size_t>(statistics.features()));
  for (int64_t c = 0; c < statistics.labels(); ++c) {
    const double* sum = statistics.LabelSum(c);
    for (size_t j = 0; j < mean.size(); ++j) mean[j] += sum[j];
  }
  for (double& value : mean) value /= static_cast<double>(statistics.samples());
  return mean;
}

// a's upper triangle += sign v v^T.
void AddOuter(const double* v, double sign, int64_t width, double* a) {
  for (int64_t i = 0; i < width; ++i) {
    const double factor = sign * v[i];
    double* row = a + i * width;
    for (int64_t j = i; j < width; ++j) row[j] += factor * v[j];
  }
}

int64_t Padded(int64_t columns) { return (columns + 3) / 4 * 4; }

// B [D, padded labels].
std::vector<double> RightSide(const InstantStatistics& statistics, const LabelMeans& means) {
  const int64_t width = statistics.features();
  const int64_t stride = Padded(statistics.labels());
  const auto samples = static_cast<double>(statistics.samples());
  std::vector<double> b(static_cast<size_t>(width * stride));
  for (int64_t c = 0; c < statistics.labels(); ++c) {
    const double factor = samples * means.share[static_cast<size_t>(c)];
    for (int64_t j = 0; j < width && factor > 0; ++j) {
      b[static_cast<size_t>(j * stride + c)] =
          factor * (means.offset[static_cast<size_t>(c * width + j)] - means.centre[static_cast<size_t>(j)]);
    }
  }
  return b;
}

InstantSolution SolutionOf(const InstantStatistics& statistics, const LabelMeans& means,
                           const std::vector<double>& origin, const std::vector<double>& x) {
  const int64_t width = statistics.features();
  const int64_t labels = statistics.labels();
  const int64_t stride = Padded(labels);
  InstantSolution out;
  out.features = width;
  out.bias = means.share;
  out.mean = origin;
  for (int64_t j = 0; j < width; ++j) out.mean[static_cast<size_t>(j)] += means.centre[static_cast<size_t>(j)];
  out.weight.resize(static_cast<size_t>(labels * width));
  for (int64_t c = 0; c < labels; ++c) {
    for (int64_t j = 0; j < width; ++j) {
      out.weight[static_cast<size_t>(c * width + j)] = x[static_cast<size_t>(j * stride + c)];
    }
  }
  return out;
}

// m x = b for a square m of n rows, b of `columns`, by elimination with row pivoting. False when m is singular.
bool SolveSquare(std::vector<double>& m, int64_t n, std::vector<double>& b, int64_t columns) {
  const auto row = [n](std::vector<double>& matrix, int64_t i, int64_t width) { return matrix.data() + i * width; };
  for (int64_t k = 0; k < n; ++k) {
    int64_t pivot = k;
    for (int64_t i = k + 1; i < n; ++i) {
      if (std::fabs(row(m, i, n)[k]) > std::fabs(row(m, pivot, n)[k])) pivot = i;
    }
    const double head = row(m, pivot, n)[k];
    if (!(std::fabs(head) > 1e-14) || !std::isfinite(head)) return false;
    if (pivot != k) {
      std::swap_ranges(row(m, k, n), row(m, k, n) + n, row(m, pivot, n));
      std::swap_ranges(row(b, k, columns), row(b, k, columns) + columns, row(b, pivot, columns));
    }
    for (int64_t i = k + 1; i < n; ++i) {
      const double factor = row(m, i, n)[k] / head;
      if (factor == 0) continue;
      for (int64_t j = k; j < n; ++j) row(m, i, n)[j] -= factor * row(m, k, n)[j];
      for (int64_t j = 0; j < columns; ++j) row(b, i, columns)[j] -= factor * row(b, k, columns)[j];
    }
  }
  for (int64_t k = n - 1; k >= 0; --k) {
    for (int64_t i = k + 1; i < n; ++i) {
      const double factor = row(m, k, n)[i];
      for (int64_t j = 0; j < columns; ++j) row(b, k, columns)[j] -= factor * row(b, i, columns)[j];
    }
    for (int64_t j = 0; j < columns; ++j) row(b, k, columns)[j] /= row(m, k, n)[k];
  }
  return true;
}

// out[p, q] += sum over D of a[., p] b[., q].
void AddInner(const std::vector<double>& a, int64_t a_stride, int64_t p_count, const std::vector<double>& b,
              int64_t b_stride, int64_t q_count, int64_t width, std::vector<double>& out) {
  for (int64_t j = 0; j < width; ++j) {
    const double* from_a = a.data() + j * a_stride;
    const double* from_b = b.data() + j * b_stride;
    for (int64_t p = 0; p < p_count; ++p) {
      for (int64_t q = 0; q < q_count; ++q) out[static_cast<size_t>(p * q_count + q)] += from_a[p] * from_b[q];
    }
  }
}

Status NoSamples() {
  return FailedPrecondition("instant solver: nothing was observed yet", "observe labelled samples first");
}

}  // namespace

Status InstantSolverOptions::Validate() const {
  if (!(ridge > 0) || !(ridge <= 1e3)) return InvalidArgument("instant solver: ridge must be in (0, 1000]");
  if (!(balance >= 0 && balance <= 1)) return InvalidArgument("instant solver: balance must be in [0, 1]");
  return Status::Ok();
}

Result<InstantSolution> InstantSolver::Solve(const InstantStatistics& statistics, std::optional<double> lambda) {
  if (statistics.samples() <= 0) return NoSamples();
  const int64_t width = statistics.features();
  const auto samples = static_cast<double>(statistics.samples());
  origin_ = MeanOf(statistics);
  factor_.assign(static_cast<size_t>(width * width), 0);
  double trace = 0;
  for (int64_t i = 0; i < width; ++i) {
    const double* gram = statistics.GramRow(i);
    double* row = factor_.data() + i * width;
    const double scaled = samples * origin_[static_cast<size_t>(i)];
    for (int64_t j = i; j < width; ++j) row[j] = gram[j - i] - scaled * origin_[static_cast<size_t>(j)];
    trace += row[i];
  }
  // Never below one squared quantum per feature: features that hardly vary must not get a say.
  lambda_ = lambda.value_or(std::max(options_.ridge * trace / static_cast<double>(width), 1.0));
  const LabelMeans means = MeansOf(statistics, options_.balance, origin_);
  Terms terms = TermsOf(statistics, means);
  for (size_t i = 0; i < terms.signs.size() && options_.balance > 0; ++i) {
    AddOuter(terms.vectors.data() + static_cast<int64_t>(i) * width, terms.signs[i], width, factor_.data());
  }
  for (int64_t i = 0; i < width; ++i) factor_[static_cast<size_t>(i * width + i)] += lambda_;
  if (!FactorCholesky(factor_.data(), width)) {
    factor_.clear();
    return Internal("instant solver: the system is not positive definite; were samples forgotten that never came?");
  }
  if (options_.balance == 0) terms = {};
  means_ = std::move(terms.vectors);
  mean_signs_ = std::move(terms.signs);
  std::vector<double> x = RightSide(statistics, means);
  const int64_t stride = Padded(statistics.labels());
  SolveTransposed(factor_.data(), width, x.data(), stride, stride);
  SolveUpper(factor_.data(), width, x.data(), stride, stride);
  return SolutionOf(statistics, means, origin_, x);
}

bool InstantSolver::CanUpdate(const InstantStatistics& statistics, int64_t count) const {
  if (factor_.empty() || static_cast<int64_t>(origin_.size()) != statistics.features() || statistics.samples() <= 0) {
    return false;
  }
  const int64_t terms = count + static_cast<int64_t>(mean_signs_.size()) + 2 * PresentLabels(statistics);
  return terms <= statistics.features() / 8;
}

Result<InstantSolution> InstantSolver::Update(const InstantStatistics& statistics, const float* rows,
                                              const std::vector<float>& signs) {
  const auto count = static_cast<int64_t>(signs.size());
  if (!CanUpdate(statistics, count)) return FailedPrecondition("instant solver: too much changed", "call Solve");
  const int64_t width = statistics.features();
  const LabelMeans means = MeansOf(statistics, options_.balance, origin_);
  // Of A's terms beside rows, the old ones go (they enter with the other sign) and the new ones come.
  const Terms now = TermsOf(statistics, means);
  const auto old_terms = static_cast<int64_t>(mean_signs_.size());
  const auto new_terms = static_cast<int64_t>(now.signs.size());
  const int64_t k = count + old_terms + new_terms;
  const int64_t stride = Padded(k);
  std::vector<double> y(static_cast<size_t>(width * stride)), sign;
  for (int64_t i = 0; i < count; ++i) sign.push_back(signs[static_cast<size_t>(i)] > 0 ? 1.0 : -1.0);
  for (const double old : mean_signs_) sign.push_back(-old);
  sign.insert(sign.end(), now.signs.begin(), now.signs.end());
  for (int64_t j = 0; j < width; ++j) {
    double* to = y.data() + j * stride;
    const double origin = origin_[static_cast<size_t>(j)];
    for (int64_t i = 0; i < count; ++i) *to++ = static_cast<double>(rows[i * width + j]) - origin;
    for (int64_t i = 0; i < old_terms; ++i) *to++ = means_[static_cast<size_t>(i * width + j)];
    for (int64_t i = 0; i < new_terms; ++i) *to++ = now.vectors[static_cast<size_t>(i * width + j)];
  }
  SolveTransposed(factor_.data(), width, y.data(), stride, stride);
  std::vector<double> x = RightSide(statistics, means);
  const int64_t columns = Padded(statistics.labels());
  SolveTransposed(factor_.data(), width, x.data(), columns, columns);
  std::vector<double> inner(static_cast<size_t>(k * k)), side(static_cast<size_t>(k * columns));
  for (int64_t i = 0; i < k; ++i) inner[static_cast<size_t>(i * k + i)] = sign[static_cast<size_t>(i)];
  AddInner(y, stride, k, y, stride, k, width, inner);
  AddInner(y, stride, k, x, columns, columns, width, side);
  if (!SolveSquare(inner, k, side, columns)) {
    return FailedPrecondition("instant solver: the change is too large for an update", "call Solve");
  }
  for (int64_t j = 0; j < width; ++j) {
    double* to = x.data() + j * columns;
    for (int64_t i = 0; i < k; ++i) {
      const double factor = y[static_cast<size_t>(j * stride + i)];
      const double* from = side.data() + i * columns;
      for (int64_t c = 0; c < columns; ++c) to[c] -= factor * from[c];
    }
  }
  SolveUpper(factor_.data(), width, x.data(), columns, columns);
  return SolutionOf(statistics, means, origin_, x);
}

uint64_t InstantSolver::bytes() const {
  return (factor_.size() + origin_.size() + means_.size() + mean_signs_.size()) * sizeof(double);
}

}  // namespace perennial::trainer
