#pragma once

#include <memory>

#include "trainer/strategy.h"

namespace perennial::trainer {

// ER-ACE (Caccia et al., "New insights on reducing abrupt representation change in online continual learning", ICLR
// 2022): the cross-entropy of new samples is taken over the classes of the new batch only, so that new classes do not
// push the old ones' logits down; that of replayed samples over all classes. The two means are added.
std::unique_ptr<Strategy> MakeErAce();

}  // namespace perennial::trainer
