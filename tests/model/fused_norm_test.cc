// The fused normalisation against LibTorch's operations in 32 bits.
#include "serving/model/fused_norm.h"

#include <gtest/gtest.h>

#include <limits>

namespace perennial::model {
namespace {

constexpr double kMomentum = 0.1, kEpsilon = 1e-5;

class FusedNormOnCuda : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!torch::cuda::is_available()) GTEST_SKIP() << "NO CUDA DEVICE: fused normalisation is not tested here";
    if (!FusedNormTakes(Picture(2, 8, 2, 0))) GTEST_SKIP() << "BUILT WITHOUT CUDA'S COMPILER: nothing to test";
  }
  static torch::Tensor Picture(int64_t batch, int64_t channels, int64_t side, uint64_t seed) {
    torch::manual_seed(seed);
    const torch::Tensor x = torch::randn({batch, channels, side, side}) * 2 + 3;
    return x.to(torch::kCUDA, torch::kBFloat16).contiguous(torch::MemoryFormat::ChannelsLast);
  }
  static NormParts Parts(int64_t channels, bool of_the_batch) {
    torch::manual_seed(9);
    const auto make = [&](double lowest) { return (torch::rand({channels}) + lowest).to(torch::kCUDA); };
    return {make(0.5), make(-0.5), make(2.5), make(3.5), of_the_batch, kMomentum, kEpsilon};
  }
};

struct Outcome {
  torch::Tensor out, grad_x, grad_residual, grad_weight, grad_bias, running_mean, running_var;
};

Outcome Learn(torch::Tensor x, torch::Tensor residual, const NormParts& parts, bool relu, bool fused,
              const torch::Tensor& wanted) {
  const auto leaf = [&](const torch::Tensor& tensor) {
    return (fused ? tensor.clone() : tensor.to(torch::kFloat32)).detach().requires_grad_();
  };
  NormParts own = parts;
  own.weight = parts.weight.clone().requires_grad_();
  own.bias = parts.bias.clone().requires_grad_();
  own.running_mean = parts.running_mean.clone();
  own.running_var = parts.running_var.clone();
  x = leaf(x);
  if (residual.defined()) residual = leaf(residual);
  torch::Tensor out;
  if (fused) {
    out = FusedNorm(x, residual, own, relu);
  } else {
    out =
        torch::batch_norm(x, own.weight, own.bias, own.running_mean, own.running_var, true, kMomentum, kEpsilon, true);
    if (residual.defined()) out = out + residual;
    if (relu) out = out.relu();
  }
  (out.to(torch::kFloat32) * wanted).sum().backward();
  return {out.detach().to(torch::kFloat32),
          x.grad().to(torch::kFloat32),
          residual.defined() ? residual.grad().to(torch::kFloat32) : torch::Tensor(),
          own.weight.grad(),
          own.bias.grad(),
          own.running_mean,
          own.running_var};
}

double Apart(const torch::Tensor& a, const torch::Tensor& b) { return ((a - b).norm() / b.norm()).item<double>(); }

TEST_F(FusedNormOnCuda, IsLibTorchsAndSoIsItsGradient) {
  struct Case {
    int64_t batch, channels, side;
  };
  // Few rows, rows that are no whole number of passes, all widths of a ResNet-18, the widest.
  for (const Case& size : {Case{2, 8, 1}, Case{3, 16, 5}, Case{74, 64, 32}, Case{74, 128, 16}, Case{74, 256, 8},
                           Case{74, 512, 4}, Case{5, 4096, 3}}) {
    for (const bool relu : {false, true}) {
      for (const bool with_residual : {false, true}) {
        SCOPED_TRACE(testing::Message() << size.batch << " x " << size.channels << " x " << size.side << ", relu "
                                        << relu << ", residual " << with_residual);
        const torch::Tensor x = Picture(size.batch, size.channels, size.side, 1);
        const torch::Tensor residual =
            with_residual ? Picture(size.batch, size.channels, size.side, 2) - 3 : torch::Tensor();
        // A loss whose gradient is exact in bfloat16.
        const torch::Tensor wanted = Picture(size.batch, size.channels, size.side, 3).to(torch::kFloat32);
        const NormParts parts = Parts(size.channels, true);
        const Outcome exact = Learn(x, residual, parts, relu, false, wanted);
        const Outcome fused = Learn(x, residual, parts, relu, true, wanted);
        EXPECT_LT(Apart(fused.out, exact.out), 4e-3);
        EXPECT_LT(Apart(fused.running_mean, exact.running_mean), 1e-5);
        EXPECT_LT(Apart(fused.running_var, exact.running_var), 1e-4);
        if (size.batch * size.side * size.side < 4) continue;  // gradients of two rows cancel to rounding
        EXPECT_LT(Apart(fused.grad_x, exact.grad_x), 1e-2);
        EXPECT_LT(Apart(fused.grad_weight, exact.grad_weight), 1e-2);
        EXPECT_LT(Apart(fused.grad_bias, exact.grad_bias), 1e-2);
        if (!with_residual) continue;
        EXPECT_LT(Apart(fused.grad_residual, exact.grad_residual), 1e-2);
      }
    }
  }
}

TEST_F(FusedNormOnCuda, WithRunningStatisticsLeavesThemAlone) {
  const torch::NoGradGuard no_grad;
  const torch::Tensor x = Picture(9, 64, 7, 1), residual = Picture(9, 64, 7, 2) - 3;
  const NormParts parts = Parts(64, false);
  const torch::Tensor mean = parts.running_mean.clone(), var = parts.running_var.clone();
  const torch::Tensor expected =
      (torch::batch_norm(x.to(torch::kFloat32), parts.weight, parts.bias, mean, var, false, kMomentum, kEpsilon, true) +
       residual)
          .relu();
  EXPECT_LT(Apart(FusedNorm(x, residual, parts, true).to(torch::kFloat32), expected), 4e-3);
  EXPECT_TRUE(torch::equal(parts.running_mean, mean));
  EXPECT_TRUE(torch::equal(parts.running_var, var));
}

// A mean a hundred deviations from 0: squares of the values themselves would leave no digit of the variance.
TEST_F(FusedNormOnCuda, AMeanFarFromZeroKeepsItsVariance) {
  torch::manual_seed(4);
  const torch::Tensor x = (torch::randn({64, 64, 8, 8}) + 100)
                              .to(torch::kCUDA, torch::kBFloat16)
                              .contiguous(torch::MemoryFormat::ChannelsLast);
  const NormParts parts = Parts(64, true);
  const torch::Tensor expected = x.to(torch::kFloat32).var({0, 2, 3});
  const torch::Tensor before = parts.running_var.clone();
  FusedNorm(x, {}, parts, false);
  EXPECT_LT(Apart((parts.running_var - 0.9 * before) / 0.1, expected), 1e-3);
}

// The step that sees it must not count, so it may not be hidden.
TEST_F(FusedNormOnCuda, WhatIsNotANumberStaysSo) {
  for (const bool relu : {false, true}) {
    torch::Tensor x = Picture(4, 8, 3, 1);
    x[1][5][1][1] = std::numeric_limits<float>::quiet_NaN();
    const torch::Tensor out = FusedNorm(x, {}, Parts(8, true), relu);
    EXPECT_TRUE(out.select(1, 5).isnan().all().item<bool>());
    EXPECT_FALSE(out.select(1, 4).isnan().any().item<bool>());
  }
}

TEST_F(FusedNormOnCuda, TakesOnlyWhatItsKernelsRead) {
  EXPECT_FALSE(FusedNormTakes(Picture(2, 24, 2, 1))) << "not 8 times a power of two";
  EXPECT_FALSE(FusedNormTakes(Picture(2, 8, 2, 1).to(torch::kFloat32)));
  EXPECT_FALSE(FusedNormTakes(Picture(2, 8, 2, 1).contiguous())) << "rows last";
  EXPECT_FALSE(FusedNormTakes(Picture(2, 8, 2, 1).cpu()));
}

}  // namespace
}  // namespace perennial::model
