#pragma once

#include <memory>

#include "trainer/strategy.h"

namespace perennial::trainer {

// What most teams do today: whenever a candidate is wanted, a new network is trained from scratch on everything that
// came so far, shuffled: two passes, at least 1,000 steps, at the trainer's learning rate. The memory must hold all of
// it (its capacity is the caller's to set); between two candidates nothing is learned.
std::unique_ptr<Strategy> MakeRetrain();

}  // namespace perennial::trainer
