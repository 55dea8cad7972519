#pragma once

#include <memory>

#include "trainer/strategy.h"

namespace perennial::trainer {

// Plain fine-tuning on the new samples, no memory: the baseline that forgets.
std::unique_ptr<Strategy> MakeNaive();

}  // namespace perennial::trainer
