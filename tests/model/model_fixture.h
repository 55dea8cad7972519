#pragma once

#include <torch/torch.h>

#include <memory>
#include <string>
#include <vector>

#include "serving/model/model.h"

namespace perennial::model {

// The smallest network that has every part.
format::ModelSpec TestSpec();

std::shared_ptr<Model> TestModel(int64_t labels, uint64_t seed, format::ModelSpec spec = TestSpec());

// Sample i has random pixels and a random text of (7 i + 3) mod text_length + 1 bytes; the same samples for the same
// seed, whatever the batch.
ModelInput TestInput(int64_t batch, uint64_t seed, const format::ModelSpec& spec = TestSpec());

// Rows [first, first + count) of every tensor.
ModelInput Slice(const ModelInput& input, int64_t first, int64_t count);
ModelInput To(const ModelInput& input, torch::Device device);

std::vector<std::string> TestLabels(int64_t count);

// Where tests run: the CPU, and CUDA where there is one.
std::vector<torch::DeviceType> TestDevices();

// Largest absolute difference.
double Distance(const torch::Tensor& a, const torch::Tensor& b);

}  // namespace perennial::model
