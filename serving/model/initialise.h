#pragma once

#include <torch/torch.h>

#include <cstdint>

#include "storage/base/rng.h"

namespace perennial::model {

// Fill a contiguous f32 CPU tensor: normal with standard deviation `deviation`, or uniform in [-bound, bound).
void FillNormal(torch::Tensor tensor, double deviation, Rng& rng);
void FillUniform(torch::Tensor tensor, double bound, Rng& rng);

// Draws every parameter of `module` from `seed`, each from a stream keyed by its own name: independent of torch's
// global generator, of the order of registration and of the other parameters. The rule is read off the name and the
// shape:
//   "norm" in the name: weight and running variance 1, bias and running mean 0;
//   residual branches' last convolution (".second.") and the modulation (".film."): 0, so that the network starts as
//   its shortcut;
//   "*.weight" of two or more dimensions: uniform in +-1 / sqrt(fan in), and the bias beside it alike (torch's own
//   defaults); byte embeddings (".bytes"): normal, deviation 1; positions and null tokens: normal, deviation 0.02.
// REQUIRES parameters on the CPU.
void InitialiseParameters(torch::nn::Module& module, uint64_t seed);

}  // namespace perennial::model
