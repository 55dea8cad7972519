#pragma once

#include <memory>

#include "trainer/strategy.h"

namespace perennial::trainer {

// Dark experience replay (Buzzega et al., "Dark experience for general continual learning", NeurIPS 2020): a remembered
// sample keeps the student's logits z of the step in which it arrived.
//
//   der:    loss = CE(new) + a MSE(student(replay), z)
//   der_pp: loss = CE(new) + a MSE(student(replay), z) + b CE(replay)
//
// a = b = 0.5. Both terms are taken on one draw of the memory, where the paper draws twice. Labels that came after a
// sample was stored are left out of its MSE.
std::unique_ptr<Strategy> MakeDer();
std::unique_ptr<Strategy> MakeDerPlusPlus();

}  // namespace perennial::trainer
