#pragma once

#include <memory>

#include "trainer/strategy.h"

namespace perennial::trainer {

// Online elastic weight consolidation (Kirkpatrick et al., "Overcoming catastrophic forgetting in neural networks",
// PNAS 2017; with one decaying Fisher matrix instead of one a task: Schwarz et al., "Progress & compress", ICML 2018):
//
//   loss = CE(new) + l/2 sum_i F_i (w_i - s_i)^2
//
// s: the weights of the last snapshot, taken where the stream changes (snapshot_rule.h), as no boundary is told; no
// replay. F, the diagonal of the Fisher matrix, is a running one: F <- 0.9 F + G at a snapshot, G the mean of
// B g^2 over about the last hundred steps, g the gradient of the batch's mean CE and B its rows. So it costs no pass of
// its own; B g^2 has the expectation of the mean squared gradient of a sample where the gradients of samples cancel,
// and is too large where they do not. l = 1,000. The pull on a weight is at most 2 (w_i - s_i), so that important
// weights are held and not thrown about: f / (1 + f / 2) in place of f = l F_i.
//
// A baseline: on classes that come in turn such methods are known to forget nearly as much as `naive` (van de Ven and
// Tolias, "Three scenarios for continual learning", 2019). l, the decay and the bound are not chosen by measurement.
std::unique_ptr<Strategy> MakeEwc();

}  // namespace perennial::trainer
