#include "trainer/interpolation.h"

#include <gtest/gtest.h>

#include "serving/model/instant_head.h"
#include "serving/model/quantise.h"
#include "tests/trainer/training_data.h"

namespace perennial::trainer {
namespace {

std::shared_ptr<model::Model> Network(int64_t labels, uint64_t seed) {
  return model::BuildModel(testing_support::TinySpec(), labels, seed).value();
}

TEST(Interpolate, IsTheTargetAtOneAndThePublishedVersionAtZero) {
  const auto published = Network(2, 1), target = Network(4, 2), out = Network(4, 3);
  const torch::NoGradGuard no_grad;
  for (const double share : {0.0, 1.0}) {
    Interpolate(*published, *target, share, 2, 0, *out);
    for (const auto& item : out->named_parameters()) {
      const torch::Tensor at_end = (share == 0 ? published : target)->named_parameters()[item.key()];
      const int64_t rows = at_end.size(0);
      EXPECT_TRUE(torch::allclose(item.value().narrow(0, 0, rows), at_end)) << item.key() << " at " << share;
    }
  }
}

TEST(Interpolate, IsHalfWayAndTakesRowsOfNewLabelsFromTheTarget) {
  const auto published = Network(2, 1), target = Network(4, 2), out = Network(4, 3);
  const torch::NoGradGuard no_grad;
  Interpolate(*published, *target, 0.5, 2, -1.5, *out);
  const auto p = published->named_parameters(), t = target->named_parameters(), o = out->named_parameters();
  for (const auto& item : o) {
    if (item.key().rfind("head.", 0) == 0) continue;
    EXPECT_TRUE(torch::allclose(item.value(), (p[item.key()] + t[item.key()]) / 2, 1e-5, 1e-6)) << item.key();
  }
  EXPECT_TRUE(
      torch::allclose(o["head.weight"].narrow(0, 0, 2), (p["head.weight"] + t["head.weight"].narrow(0, 0, 2)) / 2));
  EXPECT_TRUE(torch::equal(o["head.weight"].narrow(0, 2, 2), t["head.weight"].narrow(0, 2, 2)));
  EXPECT_TRUE(torch::allclose(o["head.bias"].narrow(0, 0, 2), (p["head.bias"] + t["head.bias"].narrow(0, 0, 2)) / 2));
  EXPECT_TRUE(torch::allclose(o["head.bias"].narrow(0, 2, 2), t["head.bias"].narrow(0, 2, 2) - 1.5));
}

TEST(Interpolate, ChangesNeitherEnd) {
  const auto published = Network(2, 1), target = Network(4, 2), out = Network(4, 3);
  Interpolate(*published, *target, 0.3, 2, 1, *out);
  const auto again = Network(4, 2), before = Network(2, 1);
  for (const auto& item : target->named_parameters()) {
    EXPECT_TRUE(torch::equal(item.value(), again->named_parameters()[item.key()])) << item.key();
  }
  for (const auto& item : published->named_parameters()) {
    EXPECT_TRUE(torch::equal(item.value(), before->named_parameters()[item.key()])) << item.key();
  }
  EXPECT_TRUE(HasLabelBias(*target));
}

// A published version whose last label is its instant head's alone.
TEST(Interpolate, RowsThatNeverWinAreTheTargets) {
  const auto published = Network(3, 1), target = Network(4, 2), out = Network(4, 3);
  const torch::NoGradGuard no_grad;
  published->named_parameters()["head.bias"][2].fill_(model::kNeverWins);
  published->named_parameters()["head.weight"][2].fill_(0);
  Interpolate(*published, *target, 0.5, 4, 0, *out);
  const auto p = published->named_parameters(), t = target->named_parameters(), o = out->named_parameters();
  EXPECT_TRUE(torch::equal(o["head.weight"].narrow(0, 2, 2), t["head.weight"].narrow(0, 2, 2)));
  EXPECT_TRUE(torch::equal(o["head.bias"].narrow(0, 2, 2), t["head.bias"].narrow(0, 2, 2)));
  EXPECT_TRUE(torch::allclose(o["head.bias"].narrow(0, 0, 2),
                              (p["head.bias"].narrow(0, 0, 2) + t["head.bias"].narrow(0, 0, 2)) / 2));
}

}  // namespace
}  // namespace perennial::trainer
