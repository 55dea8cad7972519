#pragma once

#include <memory>

#include "trainer/strategy.h"

namespace perennial::trainer {

// Experience replay: cross-entropy over new and replayed samples together, each sample with the same weight
// (Chaudhry et al., "On tiny episodic memories in continual learning", 2019).
std::unique_ptr<Strategy> MakeExperienceReplay();

}  // namespace perennial::trainer
