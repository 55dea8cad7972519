#include "trainer/instant_solver.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/trainer/instant_rows.h"
#include "trainer/cholesky.h"

namespace perennial::trainer {
namespace {

using model::InstantSolution;

// Gauss-Jordan without any cleverness: x = a^-1 b, a: [n, n], b: [n, m].
std::vector<double> SolveDirectly(std::vector<double> a, std::vector<double> b, size_t n, size_t m) {
  for (size_t k = 0; k < n; ++k) {
    size_t pivot = k;
    for (size_t i = k; i < n; ++i) pivot = std::fabs(a[i * n + k]) > std::fabs(a[pivot * n + k]) ? i : pivot;
    for (size_t j = 0; j < n; ++j) std::swap(a[k * n + j], a[pivot * n + j]);
    for (size_t j = 0; j < m; ++j) std::swap(b[k * m + j], b[pivot * m + j]);
    for (size_t i = 0; i < n; ++i) {
      if (i == k) continue;
      const double factor = a[i * n + k] / a[k * n + k];
      for (size_t j = 0; j < n; ++j) a[i * n + j] -= factor * a[k * n + j];
      for (size_t j = 0; j < m; ++j) b[i * m + j] -= factor * b[k * m + j];
    }
  }
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j < m; ++j) b[i * m + j] /= a[i * n + i];
  }
  return b;
}

// The ridge regression written down from the samples: weights w_i = N p_c / n_c each, centred by the weighted mean.
// With balance 0 every weight is 1.
std::vector<double> LeastSquares(const InstantRows& data, int64_t labels, double ridge) {
  const auto width = static_cast<size_t>(data.width);
  const auto count = static_cast<size_t>(data.count());
  std::vector<double> mean(width), share(static_cast<size_t>(labels));
  for (size_t i = 0; i < count; ++i) {
    share[static_cast<size_t>(data.labels[i])] += 1.0 / static_cast<double>(count);
    for (size_t j = 0; j < width; ++j) {
      mean[j] += static_cast<double>(data.rows[i * width + j]) / static_cast<double>(count);
    }
  }
  std::vector<double> a(width * width), b(width * static_cast<size_t>(labels));
  for (size_t i = 0; i < count; ++i) {
    for (size_t j = 0; j < width; ++j) {
      const double x = static_cast<double>(data.rows[i * width + j]) - mean[j];
      for (size_t k = 0; k < width; ++k) {
        a[j * width + k] += x * (static_cast<double>(data.rows[i * width + k]) - mean[k]);
      }
      for (size_t c = 0; c < share.size(); ++c) {
        const double target = static_cast<size_t>(data.labels[i]) == c ? 1 : 0;
        b[j * share.size() + c] += x * (target - share[c]);
      }
    }
  }
  double trace = 0;
  for (size_t j = 0; j < width; ++j) trace += a[j * width + j];
  for (size_t j = 0; j < width; ++j) a[j * width + j] += ridge * trace / static_cast<double>(width);
  return SolveDirectly(std::move(a), std::move(b), width, share.size());
}

double LargestDifference(const InstantSolution& a, const InstantSolution& b) {
  double largest = 0, scale = 1e-12;
  for (size_t i = 0; i < a.weight.size(); ++i) {
    largest = std::max(largest, std::fabs(a.weight[i] - b.weight[i]));
    scale = std::max(scale, std::fabs(b.weight[i]));
  }
  return largest / scale;
}

// Scores depend on weight, mean and bias together; `mean` alone may differ between two equal solutions.
double ScoreDifference(const InstantSolution& a, const InstantSolution& b, const InstantRows& data) {
  const auto score = [&](const InstantSolution& s, size_t c, size_t i) {
    double sum = s.bias[c];
    for (size_t j = 0; j < s.mean.size(); ++j) {
      sum += s.weight[c * s.mean.size() + j] * (static_cast<double>(data.rows[i * s.mean.size() + j]) - s.mean[j]);
    }
    return sum;
  };
  double largest = 0;
  for (size_t i = 0; i < static_cast<size_t>(data.count()); ++i) {
    for (size_t c = 0; c < a.bias.size(); ++c) largest = std::max(largest, std::fabs(score(a, c, i) - score(b, c, i)));
  }
  return largest;
}

size_t CorrectOf(const InstantSolution& s, const InstantRows& data, int64_t label) {
  size_t correct = 0;
  for (size_t i = 0; i < static_cast<size_t>(data.count()); ++i) {
    if (data.labels[i] != label) continue;
    size_t best = 0;
    double best_score = -1e300;
    for (size_t c = 0; c < s.bias.size(); ++c) {
      double sum = s.bias[c];
      for (size_t j = 0; j < s.mean.size(); ++j) {
        sum += s.weight[c * s.mean.size() + j] * (static_cast<double>(data.rows[i * s.mean.size() + j]) - s.mean[j]);
      }
      if (sum > best_score) {
        best_score = sum;
        best = c;
      }
    }
    correct += best == static_cast<size_t>(label) ? 1 : 0;
  }
  return correct;
}

TEST(Cholesky, SolvesSystemsOfEverySize) {
  Rng rng(1);
  for (const int64_t n : {1, 3, 4, 5, 16, 17, 127, 128, 129, 260}) {
    const auto size = static_cast<size_t>(n);
    std::vector<double> half(size * size), a(size * size), x(size * 12), b(size * 12);
    for (double& value : half) value = rng.Normal();
    for (double& value : x) value = rng.Normal();
    for (size_t i = 0; i < size; ++i) {
      for (size_t j = 0; j < size; ++j) {
        for (size_t k = 0; k < size; ++k) a[i * size + j] += half[k * size + i] * half[k * size + j];
        a[i * size + j] += i == j ? 1 : 0;
      }
    }
    for (size_t i = 0; i < size; ++i) {
      for (size_t j = 0; j < size; ++j) {
        for (size_t c = 0; c < 12; ++c) b[i * 12 + c] += a[i * size + j] * x[j * 12 + c];
      }
    }
    ASSERT_TRUE(FactorCholesky(a.data(), n)) << n;
    // The 12 columns at once and as 4 + 8 take different tiles.
    std::vector<double> parts = b;
    SolveTransposed(a.data(), n, b.data(), 12, 12);
    SolveUpper(a.data(), n, b.data(), 12, 12);
    SolveTransposed(a.data(), n, parts.data(), 4, 12);
    SolveUpper(a.data(), n, parts.data(), 4, 12);
    SolveTransposed(a.data(), n, parts.data() + 4, 8, 12);
    SolveUpper(a.data(), n, parts.data() + 4, 8, 12);
    for (size_t i = 0; i < x.size(); ++i) {
      ASSERT_NEAR(b[i], x[i], 1e-8) << n;
      ASSERT_NEAR(parts[i], x[i], 1e-8) << n;
    }
  }
}

TEST(Cholesky, RefusesWhatIsNotPositiveDefinite) {
  std::vector<double> indefinite{1, 2, 0, 1};
  EXPECT_FALSE(FactorCholesky(indefinite.data(), 2));
  std::vector<double> broken{1, 0, 0, std::nan("")};
  EXPECT_FALSE(FactorCholesky(broken.data(), 2));
}

TEST(InstantSolver, WithoutBalanceIsLeastSquares) {
  const InstantRows data = MakeRows(400, 40, 5, 21);
  InstantSolver solver({1e-2, 0});
  const auto solution = solver.Solve(StatisticsOf(data, InOrder(0, 400), 64));
  ASSERT_TRUE(solution.ok()) << solution.status().ToString();
  const std::vector<double> expected = LeastSquares(data, 5, 1e-2);
  double scale = 0;
  for (const double value : expected) scale = std::max(scale, std::fabs(value));
  for (size_t c = 0; c < 5; ++c) {
    for (size_t j = 0; j < 40; ++j) {
      EXPECT_NEAR(solution->weight[c * 40 + j], expected[j * 5 + c], 1e-9 * scale);
    }
  }
}

TEST(InstantSolver, WithEqualNumbersBalanceChangesNothing) {
  InstantRows data = MakeRows(300, 30, 3, 22);
  for (size_t i = 0; i < data.labels.size(); ++i) data.labels[i] = static_cast<int64_t>(i % 3);
  const InstantStatistics statistics = StatisticsOf(data, InOrder(0, 300), 64);
  const auto plain = InstantSolver({1e-3, 0}).Solve(statistics);
  const auto balanced = InstantSolver({1e-3, 1}).Solve(statistics);
  ASSERT_TRUE(plain.ok() && balanced.ok());
  EXPECT_LT(LargestDifference(*plain, *balanced), 1e-9);
}

TEST(InstantSolver, BalanceLetsAFewSamplesOfANewLabelAnswer) {
  // 1,000 samples of four labels and 8 of a fifth.
  InstantRows data = MakeRows(1000, 60, 4, 23);
  InstantRows late = MakeRows(400, 60, 5, 24);
  int added = 0;
  for (size_t i = 0; i < late.labels.size() && added < 8; ++i) {
    if (late.labels[i] != 4) continue;
    ++added;
    data.labels.push_back(4);
    data.rows.insert(data.rows.end(), late.rows.begin() + static_cast<std::ptrdiff_t>(i * 60),
                     late.rows.begin() + static_cast<std::ptrdiff_t>((i + 1) * 60));
  }
  const InstantStatistics statistics = StatisticsOf(data, InOrder(0, 1008), 64);
  const InstantRows fresh = MakeRows(600, 60, 5, 25);
  const auto of_label = static_cast<double>(std::count(fresh.labels.begin(), fresh.labels.end(), 4));
  const auto plain = InstantSolver({1e-3, 0}).Solve(statistics);
  const auto balanced = InstantSolver({1e-3, 1}).Solve(statistics);
  ASSERT_TRUE(plain.ok() && balanced.ok());
  EXPECT_LT(static_cast<double>(CorrectOf(*plain, fresh, 4)), 0.2 * of_label);
  EXPECT_GT(static_cast<double>(CorrectOf(*balanced, fresh, 4)), 0.9 * of_label);
}

TEST(InstantSolver, SolutionIsBitEqualForEveryOrderAndBatchSize) {
  const InstantRows data = MakeRows(300, 50, 4, 26);
  std::vector<int64_t> order = InOrder(0, 300);
  const auto expected = InstantSolver({}).Solve(StatisticsOf(data, order, 64));
  ASSERT_TRUE(expected.ok());
  std::reverse(order.begin(), order.end());
  for (const int64_t batch : {1, 7}) {
    const auto solution = InstantSolver({}).Solve(StatisticsOf(data, order, batch));
    ASSERT_TRUE(solution.ok());
    EXPECT_EQ(solution->weight, expected->weight);
    EXPECT_EQ(solution->bias, expected->bias);
    EXPECT_EQ(solution->mean, expected->mean);
  }
}

class InstantUpdate : public ::testing::TestWithParam<double> {};

TEST_P(InstantUpdate, AgreesWithAFactorisationAnew) {
  const InstantRows data = MakeRows(520, 400, 5, 27);
  InstantSolverOptions options{1e-2, GetParam()};
  InstantStatistics statistics = StatisticsOf(data, InOrder(0, 500), 64);
  InstantSolver solver(options);
  ASSERT_TRUE(solver.Solve(statistics).ok());
  // 14 come, and 3 old ones go.
  ASSERT_TRUE(statistics.Add(data.rows.data() + 500 * 400, data.labels.data() + 500, 14).ok());
  ASSERT_TRUE(statistics.Remove(data.rows.data() + 10 * 400, data.labels.data() + 10, 3).ok());
  statistics.Flush();
  std::vector<float> rows(data.rows.begin() + 500 * 400, data.rows.begin() + 514 * 400);
  rows.insert(rows.end(), data.rows.begin() + 10 * 400, data.rows.begin() + 13 * 400);
  std::vector<float> signs(14, 1.0f);
  signs.insert(signs.end(), 3, -1.0f);
  const auto updated = solver.Update(statistics, rows.data(), signs);
  ASSERT_TRUE(updated.ok()) << updated.status().ToString();
  const auto anew = InstantSolver(options).Solve(statistics);
  ASSERT_TRUE(anew.ok());
  // The update keeps the ridge of before, 17 samples of 500 ago: that is the larger difference.
  EXPECT_LT(ScoreDifference(*updated, *anew, data), 2e-2);
  // With the very same ridge the two agree to rounding.
  const auto exact = InstantSolver(options).Solve(statistics, solver.lambda());
  ASSERT_TRUE(exact.ok());
  EXPECT_LT(LargestDifference(*updated, *exact), 1e-5);
  EXPECT_LT(ScoreDifference(*updated, *exact, data), 1e-5);
}
INSTANTIATE_TEST_SUITE_P(Balances, InstantUpdate, ::testing::Values(0.0, 0.5, 1.0));

TEST(InstantSolver, AnUpdateWithANewLabelAgreesToo) {
  InstantRows data = MakeRows(510, 400, 5, 28);
  InstantStatistics statistics = StatisticsOf(data, InOrder(0, 500), 64);
  InstantSolver solver({1e-2, 1});
  ASSERT_TRUE(solver.Solve(statistics).ok());
  const std::vector<int64_t> labels(10, 6);
  ASSERT_TRUE(statistics.Add(data.rows.data() + 500 * 400, labels.data(), 10).ok());
  statistics.Flush();
  const auto updated = solver.Update(statistics, data.rows.data() + 500 * 400, std::vector<float>(10, 1.0f));
  ASSERT_TRUE(updated.ok()) << updated.status().ToString();
  EXPECT_EQ(updated->labels(), 7);
  const auto exact = InstantSolver({1e-2, 1}).Solve(statistics, solver.lambda());
  ASSERT_TRUE(exact.ok());
  EXPECT_LT(LargestDifference(*updated, *exact), 1e-5);
}

TEST(InstantSolver, SaysWhenAnUpdateIsNotTheWay) {
  const InstantRows data = MakeRows(300, 64, 3, 29);
  const InstantStatistics statistics = StatisticsOf(data, InOrder(0, 300), 64);
  InstantSolver solver({});
  EXPECT_FALSE(solver.CanUpdate(statistics, 1)) << "nothing was factored yet";
  ASSERT_TRUE(solver.Solve(statistics).ok());
  EXPECT_FALSE(solver.CanUpdate(statistics, 64));
  const std::vector<float> signs(64, 1.0f);
  EXPECT_EQ(solver.Update(statistics, data.rows.data(), signs).status().code(), Code::kFailedPrecondition);
}

TEST(InstantSolver, NothingObservedIsNoSolution) {
  InstantStatistics empty(20);
  EXPECT_EQ(InstantSolver({}).Solve(empty).status().code(), Code::kFailedPrecondition);
  const InstantRows one = MakeRows(1, 20, 1, 30);
  const auto solution = InstantSolver({}).Solve(StatisticsOf(one, {0}, 1));
  ASSERT_TRUE(solution.ok()) << "one sample is enough for an answer";
  EXPECT_EQ(solution->bias, std::vector<double>{1});
}

TEST(InstantSolver, OptionsAreChecked) {
  EXPECT_TRUE(InstantSolverOptions{}.Validate().ok());
  EXPECT_FALSE((InstantSolverOptions{0, 0.5}.Validate().ok()));
  EXPECT_FALSE((InstantSolverOptions{1e-3, 1.5}.Validate().ok()));
  EXPECT_FALSE((InstantSolverOptions{std::nan(""), 0.5}.Validate().ok()));
}

}  // namespace
}  // namespace perennial::trainer
