#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "serving/model/dense.h"
#include "storage/format/model_spec.h"

namespace perennial::model {

// A convolution with bias. Its parameters come uninitialised.
class Convolution : public torch::nn::Module {
 public:
  Convolution(int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t padding);
  torch::Tensor Forward(const torch::Tensor& x) const;  // [batch, in, h, w] -> [batch, out, h', w']

 private:
  const int64_t stride_;
  const int64_t padding_;
  torch::Tensor weight_;  // [out, in, kernel, kernel]
  torch::Tensor bias_;    // [out]
};

// Group normalisation (Wu and He, 2018) and SiLU. Groups and not batches: batch statistics would make an answer depend
// on its neighbours in the batch, and their running averages would drift behind a stream that changes.
class NormActivation : public torch::nn::Module {
 public:
  explicit NormActivation(int64_t channels);
  torch::Tensor Forward(const torch::Tensor& x) const;  // [batch, channels, h, w], same shape out

 private:
  const int64_t groups_;
  torch::Tensor weight_;  // [channels]
  torch::Tensor bias_;    // [channels]
};

// x + f(x), f two times (norm, SiLU, 3x3 convolution): the pre-activation block of He et al. (2016, "Identity
// mappings").
class ResidualBlock : public torch::nn::Module {
 public:
  explicit ResidualBlock(int64_t channels);
  torch::Tensor Forward(const torch::Tensor& x) const;

 private:
  std::shared_ptr<NormActivation> norm1_;
  std::shared_ptr<Convolution> first_;
  std::shared_ptr<NormActivation> norm2_;
  std::shared_ptr<Convolution> second_;
};

// Picture -> one token per cell of a coarse grid. Two coordinate channels (Liu et al., 2018) tell the convolutions
// where they are, so "where" and "how many" need not be inferred from the padding. The stem halves the resolution, each
// stage halves it again and doubles the channels up to four times vision_channels, until the grid has at most 4 cells a
// side (8 were worse, and slower).
class VisionEncoder : public torch::nn::Module {
 public:
  explicit VisionEncoder(const format::ModelSpec& spec);
  torch::Tensor Forward(const torch::Tensor& images) const;  // [batch, 3, side, side] -> [batch, cells(), width]
  int64_t cells() const { return grid_ * grid_; }

 private:
  // Where the resolution falls: nothing before the stem's convolution, norm and SiLU before the others'.
  struct Stage {
    std::shared_ptr<NormActivation> norm;
    std::shared_ptr<Convolution> down;
    std::vector<std::shared_ptr<ResidualBlock>> blocks;
  };
  void AddStage(int64_t in, int64_t out, const format::ModelSpec& spec);

  int64_t grid_ = 0;
  std::vector<Stage> stages_;
  std::shared_ptr<NormActivation> last_norm_;
  std::shared_ptr<Dense> project_;
  torch::Tensor position_;     // [cells, width]
  torch::Tensor coordinates_;  // [1, 2, side, side] in [-1, 1]; a buffer
};

}  // namespace perennial::model
