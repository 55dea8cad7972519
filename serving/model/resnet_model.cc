#include "serving/model/resnet_model.h"

#include <string>

#include "serving/model/label_head.h"

namespace perennial::model {
namespace {

constexpr int64_t kStages = 4;

}  // namespace

BareConvolution::BareConvolution(int64_t in, int64_t out, int64_t kernel, int64_t stride)
    : weight_(register_parameter("weight", torch::empty({out, in, kernel, kernel}))), stride_(stride) {}

torch::Tensor BareConvolution::Forward(const torch::Tensor& x) const {
  const int64_t padding = weight_.size(2) / 2;
  return torch::conv2d(x, weight_, {}, {stride_, stride_}, {padding, padding});
}

BasicBlock::BasicBlock(int64_t in, int64_t out, int64_t stride) {
  conv1_ = register_module("conv1", std::make_shared<BareConvolution>(in, out, 3, stride));
  norm1_ = register_module("norm1", std::make_shared<BatchNorm>(out));
  conv2_ = register_module("conv2", std::make_shared<BareConvolution>(out, out, 3, 1));
  norm2_ = register_module("norm2", std::make_shared<BatchNorm>(out));
  if (in == out && stride == 1) return;
  shortcut_ = register_module("shortcut", std::make_shared<BareConvolution>(in, out, 1, stride));
  shortcut_norm_ = register_module("shortcut_norm", std::make_shared<BatchNorm>(out));
}

torch::Tensor BasicBlock::Forward(const torch::Tensor& x) const {
  const auto y = conv2_->Forward(norm1_->ForwardRelu(conv1_->Forward(x)));
  const auto direct = shortcut_ == nullptr ? x : shortcut_norm_->Forward(shortcut_->Forward(x));
  return norm2_->ForwardRelu(y, direct);
}

ResnetModel::ResnetModel(const format::ModelSpec& spec, int64_t labels) : Model(spec) {
  int64_t channels = spec.vision_channels;
  stem_ = register_module("stem", std::make_shared<BareConvolution>(3, channels, 3, 1));
  norm_ = register_module("norm", std::make_shared<BatchNorm>(channels));
  for (int64_t stage = 0; stage < kStages; ++stage) {
    const int64_t out = spec.vision_channels << stage;
    for (int64_t block = 0; block < spec.vision_blocks; ++block) {
      const std::string name = "stage" + std::to_string(stage) + "_block" + std::to_string(block);
      const int64_t stride = stage > 0 && block == 0 ? 2 : 1;
      blocks_.push_back(register_module(name, std::make_shared<BasicBlock>(channels, out, stride)));
      channels = out;
    }
  }
  head_ = register_module("head", std::make_shared<Dense>(channels, labels));
}

ModelOutput ResnetModel::Forward(const ModelInput& input) {
  const auto zero = torch::zeros({}, input.images.options());
  auto x = torch::where(input.has_image.view({-1, 1, 1, 1}), input.images, zero);
  x = norm_->ForwardRelu(stem_->Forward(x));
  for (const auto& block : blocks_) x = block->Forward(x);
  x = x.mean({2, 3});
  return {head_->Forward(x), x, {}};
}

void ResnetModel::GrowLabels(int64_t labels, uint64_t seed) { GrowHead(*head_, labels, seed); }

}  // namespace perennial::model
