#include "serving/model/fused_norm.h"

#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include <optional>

#include "serving/model/fused_norm_kernels.h"

namespace perennial::model {
namespace {

constexpr auto kChannelsLast = torch::MemoryFormat::ChannelsLast;

fused::Extent ExtentOf(const torch::Tensor& x) { return {x.numel() / x.size(1), x.size(1)}; }

const void* DataOf(const torch::Tensor& tensor) { return tensor.defined() ? tensor.data_ptr() : nullptr; }

template <class Work>
void Begin(const Work& work, const torch::Tensor& x) {
  fused::Run(work, ExtentOf(x), c10::cuda::getCurrentCUDAStream().stream());
  C10_CUDA_KERNEL_LAUNCH_CHECK();
}

class Function : public torch::autograd::Function<Function> {
 public:
  static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& x,
                               const std::optional<torch::Tensor>& residual, const torch::Tensor& weight,
                               const torch::Tensor& bias, const torch::Tensor& running_mean,
                               const torch::Tensor& running_var, bool of_the_batch, bool relu, double momentum,
                               double epsilon) {
    const c10::cuda::CUDAGuard guard(x.device());
    const fused::Extent extent = ExtentOf(x);
    torch::Tensor mean = running_mean, invstd = running_var;
    if (of_the_batch) {
      const torch::Tensor scratch = torch::empty({fused::ScratchFloats(extent)}, weight.options());
      mean = torch::empty_like(weight);
      invstd = torch::empty_like(weight);
      Begin(fused::Statistics{x.data_ptr(), scratch.data_ptr<float>(), mean.data_ptr<float>(), invstd.data_ptr<float>(),
                              running_mean.data_ptr<float>(), running_var.data_ptr<float>(),
                              static_cast<float>(momentum), static_cast<float>(epsilon)},
            x);
    }
    torch::Tensor out = torch::empty_like(x);
    Begin(fused::Apply{x.data_ptr(), residual ? residual->data_ptr() : nullptr, mean.data_ptr<float>(),
                       invstd.data_ptr<float>(), !of_the_batch, static_cast<float>(epsilon), weight.data_ptr<float>(),
                       bias.data_ptr<float>(), relu, out.data_ptr()},
          x);
    context->saved_data["relu"] = relu;
    context->saved_data["residual"] = residual.has_value();
    context->saved_data["of_the_batch"] = of_the_batch;
    if (of_the_batch) context->save_for_backward({x, relu ? out : torch::Tensor(), weight, mean, invstd});
    return out;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    TORCH_CHECK(context->saved_data["of_the_batch"].toBool(), "running statistics have no gradient here");
    const auto saved = context->get_saved_variables();
    const torch::Tensor &x = saved[0], &out = saved[1], &weight = saved[2], &mean = saved[3], &invstd = saved[4];
    const c10::cuda::CUDAGuard guard(x.device());
    const torch::Tensor grad_out = gradients[0].to(torch::kBFloat16).contiguous(kChannelsLast);
    const torch::Tensor scratch = torch::empty({fused::ScratchFloats(ExtentOf(x))}, weight.options());
    torch::Tensor grad_weight = torch::empty_like(weight), grad_bias = torch::empty_like(weight);
    Begin(fused::GradientSums{grad_out.data_ptr(), DataOf(out), x.data_ptr(), mean.data_ptr<float>(),
                              invstd.data_ptr<float>(), scratch.data_ptr<float>(), grad_weight.data_ptr<float>(),
                              grad_bias.data_ptr<float>()},
          x);
    torch::Tensor grad_x = torch::empty_like(x), grad_residual;
    // Without relu, the gradient of the residual is the one that came.
    const bool residual = context->saved_data["residual"].toBool();
    if (residual) grad_residual = out.defined() ? torch::empty_like(x) : grad_out;
    Begin(fused::GradientInput{grad_out.data_ptr(), DataOf(out), x.data_ptr(), mean.data_ptr<float>(),
                               invstd.data_ptr<float>(), weight.data_ptr<float>(), grad_weight.data_ptr<float>(),
                               grad_bias.data_ptr<float>(), grad_x.data_ptr(),
                               residual && out.defined() ? grad_residual.data_ptr() : nullptr},
          x);
    return {grad_x, grad_residual, grad_weight, grad_bias, {}, {}, {}, {}, {}, {}};
  }
};

}  // namespace

bool FusedNormTakes(const torch::Tensor& x) {
  return x.is_cuda() && x.scalar_type() == torch::kBFloat16 && x.dim() == 4 && x.numel() > x.size(1) &&
         x.is_contiguous(kChannelsLast) && fused::Takes(x.size(1));
}

torch::Tensor FusedNorm(const torch::Tensor& x, const torch::Tensor& residual, const NormParts& parts, bool relu) {
  const std::optional<torch::Tensor> added = residual.defined() ? std::optional(residual) : std::nullopt;
  return Function::apply(x, added, parts.weight, parts.bias, parts.running_mean, parts.running_var, parts.of_the_batch,
                         relu, parts.momentum, parts.epsilon);
}

}  // namespace perennial::model
