#include "trainer/tensor_arena.h"

#include <cstring>

namespace perennial::trainer {
namespace {

constexpr int64_t kAlignment = 256;  // bytes, as CUDA's own allocations

int64_t BytesOf(const torch::Tensor& tensor) { return tensor.numel() * static_cast<int64_t>(tensor.element_size()); }

}  // namespace

TensorArena::TensorArena(const std::vector<torch::Tensor>& like, torch::Device device) {
  int64_t total = 0;
  for (const torch::Tensor& tensor : like) {
    offsets_.push_back(total);
    if (!tensor.defined()) continue;
    TORCH_CHECK(tensor.is_non_overlapping_and_dense(), "an arena holds dense tensors only");
    total += (BytesOf(tensor) + kAlignment - 1) / kAlignment * kAlignment;
  }
  const auto bytes = torch::TensorOptions().dtype(torch::kUInt8);
  for (torch::Tensor& host : host_) host = torch::zeros({total}, bytes.pinned_memory(device.is_cuda()));
  device_ = torch::zeros({total}, bytes.device(device));
  for (size_t i = 0; i < like.size(); ++i) {
    if (!like[i].defined()) {
      views_.emplace_back();
      continue;
    }
    const torch::Tensor typed = device_.narrow(0, offsets_[i], BytesOf(like[i])).view(like[i].scalar_type());
    views_.push_back(typed.as_strided(like[i].sizes(), like[i].strides()));
  }
}

void TensorArena::Fill(const std::vector<torch::Tensor>& tensors) {
  TORCH_CHECK(tensors.size() == views_.size(), "an arena for ", views_.size(), " tensors, not ", tensors.size());
  current_ = 1 - current_;
  auto* to = host_[current_].data_ptr<uint8_t>();
  for (size_t i = 0; i < tensors.size(); ++i) {
    if (!tensors[i].defined()) continue;
    TORCH_CHECK(tensors[i].sizes() == views_[i].sizes() && tensors[i].strides() == views_[i].strides() &&
                    tensors[i].scalar_type() == views_[i].scalar_type(),
                "tensor ", i, " of an arena changed its shape");
    std::memcpy(to + offsets_[i], tensors[i].data_ptr(), static_cast<size_t>(BytesOf(tensors[i])));
  }
}

}  // namespace perennial::trainer
