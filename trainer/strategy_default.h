#pragma once

#include <memory>

#include "trainer/strategy.h"

namespace perennial::trainer {

// Perennial's own combination; no part of it is told where a task begins. A hub still trains with er unless told
// (`strategy`), until this one has shown on every stream that it is better.
//
//   loss = w CE(new, over the classes that the stream brings at present) + (1 - w) CE(replay, over all classes)
//        + d T^2 KL(softmax(teacher / T) || softmax(student / T)) over new and replayed samples
//        + a min(1, (drawn / remembered) / o) MSE(student(replay), z)
//
// The mask is that of ER-ACE (Caccia et al., ICLR 2022), taken over the classes of the last batches instead of one,
// so that on a stream that stays as it is it masks nothing and the first line is plain experience replay. The teacher
// is a moving average of the student's weights (Michel et al., "Rethinking momentum knowledge distillation in online
// continual learning", ICML 2024). z are the teacher's logits of the sample when it arrived, that is when its class was
// at its best (dark experience replay, Buzzega et al., NeurIPS 2020, with the steadier network's logits). They count
// fully where each remembered sample is drawn often, a tenth of the memory or more in a step: there the labels, right
// or wrong, would be learned by heart. In a large memory they are old and seldom needed. Right after the start the
// average is the random start, so it does not teach yet.
std::unique_ptr<Strategy> MakeDefault();

}  // namespace perennial::trainer
