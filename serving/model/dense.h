#pragma once

#include <torch/torch.h>

#include <cstdint>

namespace perennial::model {

// y = x W^T + b. x: [..., in], weight: [out, in], bias: [out], y: [..., out]. On the CPU in f32 through Gemm where
// there is one, else torch::linear.
torch::Tensor DenseForward(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias);

// A fully connected layer. Its parameters come uninitialised (initialise.h fills them). Used by its owner's thread
// rule.
class Dense : public torch::nn::Module {
 public:
  Dense(int64_t in, int64_t out);
  torch::Tensor Forward(const torch::Tensor& x) const { return DenseForward(x, weight_, bias_); }
  const torch::Tensor& weight() const { return weight_; }
  const torch::Tensor& bias() const { return bias_; }

 private:
  torch::Tensor weight_;  // [out, in]
  torch::Tensor bias_;    // [out]
};

// Layer normalisation over the last dimension (Ba et al., 2016).
class LayerNorm : public torch::nn::Module {
 public:
  explicit LayerNorm(int64_t width);
  torch::Tensor Forward(const torch::Tensor& x) const;  // [..., width] -> [..., width]

 private:
  torch::Tensor weight_;
  torch::Tensor bias_;
};

// Two dense layers with GELU (its tanh form, Hendrycks and Gimpel, 2016) between; the hidden width is twice the outer.
class Mlp : public torch::nn::Module {
 public:
  explicit Mlp(int64_t width);
  torch::Tensor Forward(const torch::Tensor& x) const;

 private:
  std::shared_ptr<Dense> up_;
  std::shared_ptr<Dense> down_;
};

}  // namespace perennial::model
