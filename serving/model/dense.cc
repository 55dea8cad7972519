#include "serving/model/dense.h"

#include "serving/model/gemm.h"

namespace perennial::model {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

MatrixRef Rows(const torch::Tensor& matrix, bool transposed = false) {
  return {matrix.data_ptr<float>(), matrix.size(1), transposed};
}

// The same mathematics as torch::linear on contiguous f32 CPU matrices: x: [n, in], y: [n, out].
struct DenseFunction : public torch::autograd::Function<DenseFunction> {
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& x, const torch::Tensor& weight,
                               const torch::Tensor& bias) {
    context->save_for_backward({x, weight});
    auto y = torch::empty({x.size(0), weight.size(0)}, x.options());
    y.copy_(bias);
    Gemm(x.size(0), weight.size(0), weight.size(1), 1.0f, Rows(x), Rows(weight, true), 1.0f, y.data_ptr<float>(),
         weight.size(0));
    return y;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const auto& x = saved[0];
    const auto& weight = saved[1];
    const auto gradient = gradients[0].contiguous();
    torch::Tensor to_x;
    if (context->needs_input_grad(0)) {
      to_x = torch::empty_like(x);
      Gemm(x.size(0), x.size(1), weight.size(0), 1.0f, Rows(gradient), Rows(weight), 0.0f, to_x.data_ptr<float>(),
           x.size(1));
    }
    torch::Tensor to_weight;
    torch::Tensor to_bias;
    if (context->needs_input_grad(1)) {
      to_weight = torch::zeros_like(weight);
      Gemm(weight.size(0), weight.size(1), x.size(0), 1.0f, Rows(gradient, true), Rows(x), 0.0f,
           to_weight.data_ptr<float>(), weight.size(1));
      to_bias = gradient.sum(0);
    }
    return {to_x, to_weight, to_bias};
  }
};

bool FastPath(const torch::Tensor& x) { return HasGemm() && x.device().is_cpu() && x.scalar_type() == torch::kFloat; }

}  // namespace

torch::Tensor DenseForward(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias) {
  if (!FastPath(x)) return torch::linear(x, weight, bias);
  auto shape = x.sizes().vec();
  shape.back() = weight.size(0);
  const auto flat = x.reshape({-1, weight.size(1)}).contiguous();
  return DenseFunction::apply(flat, weight, bias).view(shape);
}

Dense::Dense(int64_t in, int64_t out)
    : weight_(register_parameter("weight", torch::empty({out, in}))),
      bias_(register_parameter("bias", torch::empty({out}))) {}

LayerNorm::LayerNorm(int64_t width)
    : weight_(register_parameter("weight", torch::empty({width}))),
      bias_(register_parameter("bias", torch::empty({width}))) {}

torch::Tensor LayerNorm::Forward(const torch::Tensor& x) const {
  return torch::layer_norm(x, {weight_.size(0)}, weight_, bias_);
}

Mlp::Mlp(int64_t width)
    : up_(register_module("up", std::make_shared<Dense>(width, 2 * width))),
      down_(register_module("down", std::make_shared<Dense>(2 * width, width))) {}

torch::Tensor Mlp::Forward(const torch::Tensor& x) const {
  return down_->Forward(torch::gelu(up_->Forward(x), "tanh"));
}

}  // namespace perennial::model
