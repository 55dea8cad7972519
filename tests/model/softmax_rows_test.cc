#include "serving/model/softmax_rows.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "storage/base/rng.h"

namespace perennial::model {
namespace {

TEST(SoftmaxRows, EqualsTheFormulaForAllLengths) {
  Rng rng(3);
  for (int64_t columns = 1; columns <= 41; ++columns) {
    std::vector<float> scores(static_cast<size_t>(2 * columns));
    std::vector<float> bias(static_cast<size_t>(columns));
    for (float& s : scores) s = static_cast<float>(rng.Uniform(-30, 30));
    for (float& b : bias) b = static_cast<float>(rng.Uniform(-3, 3));
    const auto raw = scores;
    SoftmaxRows(scores.data(), bias.data(), 2, columns);
    for (size_t row = 0; row < 2; ++row) {
      double sum = 0;
      const auto exact = [&](size_t j) { return double{raw[row * bias.size() + j]} + double{bias[j]}; };
      for (size_t j = 0; j < bias.size(); ++j) sum += std::exp(exact(j));
      for (size_t j = 0; j < bias.size(); ++j) {
        EXPECT_NEAR(scores[row * bias.size() + j], std::exp(exact(j)) / sum, 3e-6);
      }
    }
  }
}

TEST(SoftmaxRows, FarBelowTheLargestIsExactlyZero) {
  std::vector<float> scores{0, 5, 1};
  const std::vector<float> bias{0, -1e4f, 0};
  SoftmaxRows(scores.data(), bias.data(), 1, 3);
  EXPECT_EQ(scores[1], 0.0f);
  EXPECT_NEAR(scores[0] + scores[2], 1.0f, 1e-6);
}

TEST(SoftmaxRows, GradientIsThatOfTheFormula) {
  std::vector<float> p{0.2f, 0.5f, 0.3f};
  std::vector<float> g{1.0f, -2.0f, 4.0f};
  SoftmaxRowsBackward(p.data(), g.data(), 1, 3);
  const double dot = 0.2 * 1.0 - 0.5 * 2.0 + 0.3 * 4.0;
  EXPECT_NEAR(g[0], 0.2 * (1.0 - dot), 1e-6);
  EXPECT_NEAR(g[1], 0.5 * (-2.0 - dot), 1e-6);
  EXPECT_NEAR(g[2], 0.3 * (4.0 - dot), 1e-6);
}

}  // namespace
}  // namespace perennial::model
