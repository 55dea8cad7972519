#pragma once

#include <memory>

#include "trainer/strategy.h"

namespace perennial::trainer {

// Experience replay with two memories of the weights (Arani et al., "Learning fast, learning slow: a general continual
// learning method based on complementary learning system", ICLR 2022):
//
//   loss = CE(new and replay) + r MSE(student(replay), z)
//
// z is, sample by sample, the logits of that average which gives the sample's label the higher probability: the plastic
// one (StepContext::average) or the stable one (teacher). r = 0.15. The paper updates the averages at random steps,
// here they move at every step, by as much less.
std::unique_ptr<Strategy> MakeClsEr();

}  // namespace perennial::trainer
