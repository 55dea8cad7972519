#pragma once

#include <torch/torch.h>

#include <array>
#include <cstdint>
#include <vector>

namespace perennial::trainer {

// Takes a list of small CPU tensors to a device in one copy: they lie behind each other in one buffer, on the host
// pinned and twofold (one is filled while the other may still be on its way), on the device at addresses that stay.
// Thread-compatible.
class TensorArena {
 public:
  // For lists of the shapes, strides and types of `like`; undefined ones take no place. Strides must be dense.
  TensorArena(const std::vector<torch::Tensor>& like, torch::Device device);

  // Copies `tensors` into the host's next buffer. REQUIRES that the copy of the fill before the last is done.
  void Fill(const std::vector<torch::Tensor>& tensors);
  // Begins the copy of what was filled last.
  void Upload() { device_.copy_(host_[current_], true); }
  // On the device, in the order of the list.
  const std::vector<torch::Tensor>& views() const { return views_; }

 private:
  std::vector<int64_t> offsets_;
  std::array<torch::Tensor, 2> host_;  // [bytes] u8
  torch::Tensor device_;               // [bytes] u8
  size_t current_ = 0;
  std::vector<torch::Tensor> views_;
};

}  // namespace perennial::trainer
