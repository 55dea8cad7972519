#include "trainer/optimiser.h"

#include <gtest/gtest.h>

#include "tests/trainer/training_data.h"

namespace perennial::trainer {
namespace {

using testing_support::SmallOptions;

// Three steps with a gradient of 1 everywhere and a rate of 0.1; how far one weight went.
double Travelled(const TrainerOptions& options) {
  const auto network = model::BuildModel(options.spec, 2, 1).value();
  FlatParameters parameters(*network, true);
  const auto optimiser = MakeOptimiser(parameters, options);
  const double start = parameters.values()[0].item<double>();
  for (int step = 0; step < 3; ++step) {
    parameters.gradients().fill_(1);
    optimiser->Step(parameters, 0.1);
  }
  return start - parameters.values()[0].item<double>();
}

// Finding: the momentum of sgd could not be set.
TEST(Optimiser, SgdTakesItsMomentumFromTheOptions) {
  TrainerOptions options = SmallOptions();
  options.optimiser = "sgd";
  options.weight_decay = 0;
  options.max_gradient_norm = 0;
  EXPECT_NEAR(Travelled(options), 0.3, 1e-5);
  options.momentum = 0.5;
  EXPECT_NEAR(Travelled(options), 0.1 * (1 + 1.5 + 1.75), 1e-5);
}

TEST(Optimiser, MomentumIsForSgdAndBelowOne) {
  TrainerOptions options = SmallOptions();
  options.momentum = 0.9;
  EXPECT_EQ(options.Validate().code(), Code::kInvalidArgument) << "adamw has its own";
  options.optimiser = "sgd";
  EXPECT_TRUE(options.Validate().ok());
  options.momentum = 1;
  EXPECT_EQ(options.Validate().code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace perennial::trainer
