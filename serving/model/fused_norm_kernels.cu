// Every thread has eight neighbouring channels (16 bytes) of a row and goes over rows that are a whole number of
// passes of the block apart, so its channels stay the same. Sums over rows are fixed in their order: blocks leave
// theirs in scratch, and a second small kernel adds those up.
#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include <algorithm>

#include "serving/model/fused_norm_kernels.h"

namespace perennial::model::fused {
namespace {

constexpr int kThreads = 512;
constexpr int kWidth = 8;              // channels of a thread
constexpr int64_t kMostSummers = 264;  // blocks that sum: two for each multiprocessor of an H200
constexpr int64_t kMostWriters = 1056;
constexpr int kFoldChannels = 16, kFoldThreads = 32;

struct Eight {
  float at[kWidth];
};

__device__ Eight Load(const void* from, int64_t vector) {
  const uint4 bits = static_cast<const uint4*>(from)[vector];
  const auto* pairs = reinterpret_cast<const __nv_bfloat162*>(&bits);
  Eight out;
#pragma unroll
  for (int i = 0; i < kWidth / 2; ++i) {
    const float2 pair = __bfloat1622float2(pairs[i]);
    out.at[2 * i] = pair.x;
    out.at[2 * i + 1] = pair.y;
  }
  return out;
}

__device__ void Store(const Eight& values, void* to, int64_t vector) {
  uint4 bits;
  auto* pairs = reinterpret_cast<__nv_bfloat162*>(&bits);
#pragma unroll
  for (int i = 0; i < kWidth / 2; ++i) pairs[i] = __floats2bfloat162_rn(values.at[2 * i], values.at[2 * i + 1]);
  static_cast<uint4*>(to)[vector] = bits;
}

__device__ Eight LoadFloats(const float* from, int lane) {
  Eight out;
#pragma unroll
  for (int i = 0; i < kWidth; ++i) out.at[i] = from[lane * kWidth + i];
  return out;
}

// Where a thread stands: its channels, its first row, and how far the next is.
struct Place {
  int lanes, lane, group, groups;
  int64_t row, stride;
};

__device__ Place PlaceOf(int64_t channels) {
  Place place;
  place.lanes = static_cast<int>(channels) / kWidth;
  place.lane = threadIdx.x % place.lanes;
  place.group = threadIdx.x / place.lanes;
  place.groups = kThreads / place.lanes;
  place.row = static_cast<int64_t>(blockIdx.x) * place.groups + place.group;
  place.stride = static_cast<int64_t>(gridDim.x) * place.groups;
  return place;
}

// scratch[block][0 or 1][channels] = the block's sums.
__device__ void LeaveSums(const Place& place, const Eight& first, const Eight& second, float* scratch,
                          int64_t channels) {
  __shared__ float sums[2 * kWidth][kThreads];
#pragma unroll
  for (int i = 0; i < kWidth; ++i) {
    sums[i][threadIdx.x] = first.at[i];
    sums[kWidth + i][threadIdx.x] = second.at[i];
  }
  __syncthreads();
  for (int half = place.groups / 2; half > 0; half /= 2) {
    if (place.group < half) {
#pragma unroll
      for (int i = 0; i < 2 * kWidth; ++i) sums[i][threadIdx.x] += sums[i][threadIdx.x + half * place.lanes];
    }
    __syncthreads();
  }
  if (place.group != 0) return;
  float* out = scratch + static_cast<int64_t>(blockIdx.x) * 2 * channels + place.lane * kWidth;
#pragma unroll
  for (int i = 0; i < kWidth; ++i) {
    out[i] = sums[i][threadIdx.x];
    out[channels + i] = sums[kWidth + i][threadIdx.x];
  }
}

__global__ void __launch_bounds__(kThreads) SumAboutFirstRow(const void* x, Extent extent, float* scratch) {
  const Place place = PlaceOf(extent.channels);
  const Eight pivot = Load(x, place.lane);
  Eight sum{}, squares{};
#pragma unroll 4
  for (int64_t row = place.row; row < extent.rows; row += place.stride) {
    const Eight value = Load(x, row * place.lanes + place.lane);
#pragma unroll
    for (int i = 0; i < kWidth; ++i) {
      const float apart = value.at[i] - pivot.at[i];
      sum.at[i] += apart;
      squares.at[i] += apart * apart;
    }
  }
  LeaveSums(place, sum, squares, scratch, extent.channels);
}

__global__ void __launch_bounds__(kThreads) SumGradients(GradientSums work, Extent extent) {
  const Place place = PlaceOf(extent.channels);
  const Eight mean = LoadFloats(work.mean, place.lane), invstd = LoadFloats(work.invstd, place.lane);
  Eight sum{}, products{};
#pragma unroll 4
  for (int64_t row = place.row; row < extent.rows; row += place.stride) {
    const int64_t vector = row * place.lanes + place.lane;
    Eight gradient = Load(work.grad_out, vector);
    const Eight x = Load(work.x, vector);
    if (work.out != nullptr) {
      const Eight out = Load(work.out, vector);
#pragma unroll
      for (int i = 0; i < kWidth; ++i) gradient.at[i] = out.at[i] > 0 ? gradient.at[i] : 0;
    }
#pragma unroll
    for (int i = 0; i < kWidth; ++i) {
      sum.at[i] += gradient.at[i];
      products.at[i] += gradient.at[i] * (x.at[i] - mean.at[i]) * invstd.at[i];
    }
  }
  LeaveSums(place, sum, products, work.scratch, extent.channels);
}

// Adds up what `blocks` blocks left of the block's channels; the thread with threadIdx.y 0 gets it.
__device__ float2 Fold(const float* scratch, int64_t blocks, int64_t channels, int64_t channel) {
  __shared__ float2 parts[kFoldThreads][kFoldChannels];
  float2 part = make_float2(0, 0);
#pragma unroll 4
  for (int64_t block = threadIdx.y; block < blocks; block += kFoldThreads) {
    part.x += scratch[block * 2 * channels + channel];
    part.y += scratch[block * 2 * channels + channels + channel];
  }
  parts[threadIdx.y][threadIdx.x] = part;
  __syncthreads();
  for (int half = kFoldThreads / 2; half > 0; half /= 2) {
    if (threadIdx.y < half) {
      parts[threadIdx.y][threadIdx.x].x += parts[threadIdx.y + half][threadIdx.x].x;
      parts[threadIdx.y][threadIdx.x].y += parts[threadIdx.y + half][threadIdx.x].y;
    }
    __syncthreads();
  }
  return parts[0][threadIdx.x];
}

__device__ int64_t FoldedChannel() { return static_cast<int64_t>(blockIdx.x) * kFoldChannels + threadIdx.x; }

__global__ void FinishStatistics(Statistics work, Extent extent, int64_t blocks) {
  const int64_t channel = min(FoldedChannel(), extent.channels - 1);
  const float2 sums = Fold(work.scratch, blocks, extent.channels, channel);
  if (threadIdx.y != 0 || FoldedChannel() >= extent.channels) return;
  const auto rows = static_cast<float>(extent.rows);
  const float pivot = __bfloat162float(static_cast<const __nv_bfloat16*>(work.x)[channel]);
  const float apart = sums.x / rows;
  const float difference = sums.y / rows - apart * apart;
  // A value that is not finite must stay so: no fmaxf.
  const float variance = difference < 0 ? 0 : difference;
  const float mean = pivot + apart;
  work.mean[channel] = mean;
  work.invstd[channel] = rsqrtf(variance + work.epsilon);
  work.running_mean[channel] += work.momentum * (mean - work.running_mean[channel]);
  work.running_var[channel] += work.momentum * (variance * rows / (rows - 1) - work.running_var[channel]);
}

__global__ void FinishGradients(GradientSums work, Extent extent, int64_t blocks) {
  const int64_t channel = min(FoldedChannel(), extent.channels - 1);
  const float2 sums = Fold(work.scratch, blocks, extent.channels, channel);
  if (threadIdx.y != 0 || FoldedChannel() >= extent.channels) return;
  work.grad_bias[channel] = sums.x;
  work.grad_weight[channel] = sums.y;
}

__global__ void __launch_bounds__(kThreads) ApplyAll(Apply work, Extent extent) {
  const Place place = PlaceOf(extent.channels);
  const Eight mean = LoadFloats(work.mean, place.lane), weight = LoadFloats(work.weight, place.lane);
  Eight scale = LoadFloats(work.scale, place.lane), shift = LoadFloats(work.bias, place.lane);
#pragma unroll
  for (int i = 0; i < kWidth; ++i) {
    if (work.scale_is_variance) scale.at[i] = rsqrtf(scale.at[i] + work.epsilon);
    scale.at[i] *= weight.at[i];
    shift.at[i] -= mean.at[i] * scale.at[i];
  }
#pragma unroll 4
  for (int64_t row = place.row; row < extent.rows; row += place.stride) {
    const int64_t vector = row * place.lanes + place.lane;
    Eight value = Load(work.x, vector);
#pragma unroll
    for (int i = 0; i < kWidth; ++i) value.at[i] = value.at[i] * scale.at[i] + shift.at[i];
    if (work.residual != nullptr) {
      const Eight residual = Load(work.residual, vector);
#pragma unroll
      for (int i = 0; i < kWidth; ++i) value.at[i] += residual.at[i];
    }
    if (work.relu) {
#pragma unroll
      for (int i = 0; i < kWidth; ++i) value.at[i] = value.at[i] < 0 ? 0 : value.at[i];
    }
    Store(value, work.out, vector);
  }
}

__global__ void __launch_bounds__(kThreads) GradientsOfInput(GradientInput work, Extent extent) {
  const Place place = PlaceOf(extent.channels);
  const Eight mean = LoadFloats(work.mean, place.lane), invstd = LoadFloats(work.invstd, place.lane);
  const Eight weight = LoadFloats(work.weight, place.lane), grad_bias = LoadFloats(work.grad_bias, place.lane);
  const Eight grad_weight = LoadFloats(work.grad_weight, place.lane);
  // grad_x = scale * g + slope * x + offset
  const float share = 1.0F / static_cast<float>(extent.rows);
  Eight scale, slope, offset;
#pragma unroll
  for (int i = 0; i < kWidth; ++i) {
    scale.at[i] = weight.at[i] * invstd.at[i];
    slope.at[i] = -scale.at[i] * invstd.at[i] * grad_weight.at[i] * share;
    offset.at[i] = -scale.at[i] * grad_bias.at[i] * share - slope.at[i] * mean.at[i];
  }
#pragma unroll 4
  for (int64_t row = place.row; row < extent.rows; row += place.stride) {
    const int64_t vector = row * place.lanes + place.lane;
    Eight gradient = Load(work.grad_out, vector);
    const Eight x = Load(work.x, vector);
    if (work.out != nullptr) {
      const Eight out = Load(work.out, vector);
#pragma unroll
      for (int i = 0; i < kWidth; ++i) gradient.at[i] = out.at[i] > 0 ? gradient.at[i] : 0;
    }
    if (work.grad_residual != nullptr) Store(gradient, work.grad_residual, vector);
#pragma unroll
    for (int i = 0; i < kWidth; ++i) {
      gradient.at[i] = scale.at[i] * gradient.at[i] + slope.at[i] * x.at[i] + offset.at[i];
    }
    Store(gradient, work.grad_x, vector);
  }
}

int64_t Passes(const Extent& extent) {
  const int64_t rows_a_pass = kThreads / (extent.channels / kWidth);
  return (extent.rows + rows_a_pass - 1) / rows_a_pass;
}

// Enough blocks for the device, each with two passes or more where there are so many.
unsigned Blocks(const Extent& extent, int64_t most) {
  return static_cast<unsigned>(std::clamp<int64_t>(Passes(extent) / 2, 1, most));
}

unsigned FoldBlocks(const Extent& extent) {
  return static_cast<unsigned>((extent.channels + kFoldChannels - 1) / kFoldChannels);
}

const dim3 kFold(kFoldChannels, kFoldThreads);

}  // namespace

bool Takes(int64_t channels) {
  const int64_t lanes = channels / kWidth;
  return channels % kWidth == 0 && lanes > 0 && lanes <= kThreads && (lanes & (lanes - 1)) == 0;
}

int64_t ScratchFloats(const Extent& extent) { return 2 * extent.channels * Blocks(extent, kMostSummers); }

void Run(const Statistics& work, const Extent& extent, void* stream) {
  auto* on = static_cast<cudaStream_t>(stream);
  const unsigned blocks = Blocks(extent, kMostSummers);
  SumAboutFirstRow<<<blocks, kThreads, 0, on>>>(work.x, extent, work.scratch);
  FinishStatistics<<<FoldBlocks(extent), kFold, 0, on>>>(work, extent, blocks);
}

void Run(const Apply& work, const Extent& extent, void* stream) {
  ApplyAll<<<Blocks(extent, kMostWriters), kThreads, 0, static_cast<cudaStream_t>(stream)>>>(work, extent);
}

void Run(const GradientSums& work, const Extent& extent, void* stream) {
  auto* on = static_cast<cudaStream_t>(stream);
  const unsigned blocks = Blocks(extent, kMostSummers);
  SumGradients<<<blocks, kThreads, 0, on>>>(work, extent);
  FinishGradients<<<FoldBlocks(extent), kFold, 0, on>>>(work, extent, blocks);
}

void Run(const GradientInput& work, const Extent& extent, void* stream) {
  GradientsOfInput<<<Blocks(extent, kMostWriters), kThreads, 0, static_cast<cudaStream_t>(stream)>>>(work, extent);
}

}  // namespace perennial::model::fused
