#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace perennial::replay {

// A vector that grows a chunk at a time: no element ever moves, so growing never copies what is there, needs no second
// copy's room for it, and memory is that of the elements. Values only. Thread-compatible.
template <typename T>
class ChunkedVector {
 public:
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T& operator[](size_t i) { return (*chunks_[i >> kBits])[i & kMask]; }
  const T& operator[](size_t i) const { return (*chunks_[i >> kBits])[i & kMask]; }
  T& back() { return (*this)[size_ - 1]; }
  void push_back(T value) {
    if (size_ == chunks_.size() << kBits) chunks_.push_back(std::make_unique<Chunk>());
    (*this)[size_++] = std::move(value);
  }
  void pop_back() {
    (*this)[--size_] = T();
    // One empty chunk stays, so that a size at a chunk's edge does not make and free one again and again.
    if (chunks_.size() > (size_ >> kBits) + 2) chunks_.pop_back();
  }

 private:
  static constexpr size_t kBits = 12;
  static constexpr size_t kMask = (size_t{1} << kBits) - 1;
  using Chunk = std::array<T, size_t{1} << kBits>;
  std::vector<std::unique_ptr<Chunk>> chunks_;
  size_t size_ = 0;
};

}  // namespace perennial::replay
