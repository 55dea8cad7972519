#include "serving/model/vision_encoder.h"

#include <algorithm>
#include <string>

namespace perennial::model {
namespace {

constexpr int64_t kLargestGrid = 4;
constexpr int64_t kInputChannels = 3 + 2;

int64_t GroupsFor(int64_t channels) {
  for (const int64_t groups : {8, 4, 2}) {
    if (channels % groups == 0) return groups;
  }
  return 1;
}

torch::Tensor CoordinateGrid(int64_t side) {
  const auto line = torch::linspace(-1.0, 1.0, side);
  const auto x = line.view({1, side}).expand({side, side});
  return torch::stack({x, x.t()}).unsqueeze(0).contiguous();
}

}  // namespace

Convolution::Convolution(int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t padding)
    : stride_(stride),
      padding_(padding),
      weight_(register_parameter("weight", torch::empty({out, in, kernel, kernel}))),
      bias_(register_parameter("bias", torch::empty({out}))) {}

torch::Tensor Convolution::Forward(const torch::Tensor& x) const {
  return torch::conv2d(x, weight_, bias_, stride_, padding_);
}

NormActivation::NormActivation(int64_t channels)
    : groups_(GroupsFor(channels)),
      weight_(register_parameter("weight", torch::empty({channels}))),
      bias_(register_parameter("bias", torch::empty({channels}))) {}

torch::Tensor NormActivation::Forward(const torch::Tensor& x) const {
  return torch::silu(torch::group_norm(x, groups_, weight_, bias_));
}

ResidualBlock::ResidualBlock(int64_t channels)
    : norm1_(register_module("norm1", std::make_shared<NormActivation>(channels))),
      first_(register_module("first", std::make_shared<Convolution>(channels, channels, 3, 1, 1))),
      norm2_(register_module("norm2", std::make_shared<NormActivation>(channels))),
      second_(register_module("second", std::make_shared<Convolution>(channels, channels, 3, 1, 1))) {}

torch::Tensor ResidualBlock::Forward(const torch::Tensor& x) const {
  const auto inner = first_->Forward(norm1_->Forward(x));
  return x + second_->Forward(norm2_->Forward(inner));
}

void VisionEncoder::AddStage(int64_t in, int64_t out, const format::ModelSpec& spec) {
  const std::string name = "stage" + std::to_string(stages_.size());
  Stage stage;
  if (stages_.empty()) {
    stage.down = register_module(name + "_down", std::make_shared<Convolution>(in, out, 4, 2, 1));
    grid_ = spec.image_size / 2;
  } else {
    stage.norm = register_module(name + "_norm", std::make_shared<NormActivation>(in));
    stage.down = register_module(name + "_down", std::make_shared<Convolution>(in, out, 3, 2, 1));
    grid_ = (grid_ + 1) / 2;
  }
  for (int64_t block = 0; block < spec.vision_blocks; ++block) {
    const std::string block_name = name + "_block" + std::to_string(block);
    stage.blocks.push_back(register_module(block_name, std::make_shared<ResidualBlock>(out)));
  }
  stages_.push_back(std::move(stage));
}

VisionEncoder::VisionEncoder(const format::ModelSpec& spec) {
  int64_t channels = spec.vision_channels;
  AddStage(kInputChannels, channels, spec);
  while (grid_ > kLargestGrid) {
    const int64_t next = std::min(2 * channels, 4 * spec.vision_channels);
    AddStage(channels, next, spec);
    channels = next;
  }
  last_norm_ = register_module("last_norm", std::make_shared<NormActivation>(channels));
  project_ = register_module("project", std::make_shared<Dense>(channels, spec.width));
  position_ = register_parameter("position", torch::empty({cells(), spec.width}));
  coordinates_ = register_buffer("coordinates", CoordinateGrid(spec.image_size));
}

torch::Tensor VisionEncoder::Forward(const torch::Tensor& images) const {
  // LibTorch 1.13 sends the convolution of one lone picture to a path ten times slower than that of two (its heuristics
  // for oneDNN), so a lone picture travels with its copy.
  const bool lone = images.size(0) == 1 && images.device().is_cpu();
  auto x = lone ? images.expand({2, -1, -1, -1}) : images;
  x = torch::cat({x, coordinates_.expand({x.size(0), -1, -1, -1})}, 1);
  for (const Stage& stage : stages_) {
    x = stage.down->Forward(stage.norm ? stage.norm->Forward(x) : x);
    for (const auto& block : stage.blocks) x = block->Forward(x);
  }
  x = last_norm_->Forward(x);
  if (lone) x = x.narrow(0, 0, 1);
  return project_->Forward(x.flatten(2).transpose(1, 2)) + position_;
}

}  // namespace perennial::model
