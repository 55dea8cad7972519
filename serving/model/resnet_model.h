#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "serving/model/batch_norm.h"
#include "serving/model/dense.h"
#include "serving/model/model.h"

namespace perennial::model {

// A 3x3 or 1x1 convolution without bias, zeros around the picture. Its weight comes uninitialised.
class BareConvolution : public torch::nn::Module {
 public:
  BareConvolution(int64_t in, int64_t out, int64_t kernel, int64_t stride);
  torch::Tensor Forward(const torch::Tensor& x) const;  // [batch, in, h, w] -> [batch, out, h / stride, w / stride]

 private:
  torch::Tensor weight_;  // [out, in, kernel, kernel]
  int64_t stride_;
};

// The basic block of He et al., "Deep residual learning" (CVPR 2016):
//   y = relu(norm2(conv2(relu(norm1(conv1(x))))) + shortcut(x))
// where the shortcut is x itself, or a normalised 1x1 convolution when the shape changes.
class BasicBlock : public torch::nn::Module {
 public:
  BasicBlock(int64_t in, int64_t out, int64_t stride);
  torch::Tensor Forward(const torch::Tensor& x) const;

 private:
  std::shared_ptr<BareConvolution> conv1_, conv2_, shortcut_;  // shortcut_ null: the identity
  std::shared_ptr<BatchNorm> norm1_, norm2_, shortcut_norm_;   // likewise
};

// The residual network for small pictures, family "resnet": a 3x3 stem of `vision_channels` without pooling, four
// stages of `vision_blocks` basic blocks that double the channels and halve the picture from the second on, the mean
// over the picture, a label head. With 64 channels and two blocks it is the ResNet-18 of the literature on online
// CIFAR. It reads no text. Parameters come uninitialised; BuildModel draws them.
class ResnetModel final : public Model {
 public:
  // REQUIRES a valid spec and labels >= 0.
  ResnetModel(const format::ModelSpec& spec, int64_t labels);

  ModelOutput Forward(const ModelInput& input) override;
  void GrowLabels(int64_t labels, uint64_t seed) override;
  int64_t label_count() const override { return head_->weight().size(0); }

 private:
  std::shared_ptr<BareConvolution> stem_;
  std::shared_ptr<BatchNorm> norm_;
  std::vector<std::shared_ptr<BasicBlock>> blocks_;
  std::shared_ptr<Dense> head_;
};

}  // namespace perennial::model
