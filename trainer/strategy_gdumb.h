#pragma once

#include <memory>

#include "trainer/strategy.h"

namespace perennial::trainer {

// A baseline that learns nothing from the stream: it keeps a class-balanced memory, and whenever a candidate is wanted
// a new network is trained on the memory alone (Prabhu et al., "GDumb: a simple approach that questions our progress in
// continual learning", ECCV 2020). 50 passes, at least 1,000 steps, at the trainer's learning rate, where the paper
// takes up to 256 passes with a cosine schedule.
std::unique_ptr<Strategy> MakeGdumb();

}  // namespace perennial::trainer
