#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "storage/base/rng.h"
#include "storage/base/status.h"
#include "storage/media/image.h"

namespace perennial::bench {

// What a task of a domain-incremental protocol does to its pictures: nothing, a rotation or a permutation of the
// pixels. Value type; Apply is thread-safe.
class PictureTask {
 public:
  PictureTask() = default;
  // About the centre, counter-clockwise, bilinear; what comes from outside is black.
  static PictureTask Rotation(double degrees);
  // The same permutation for every picture of `side` x `side`; drawn by Fisher and Yates.
  static PictureTask Permutation(int side, Rng& rng);

  bool changes() const { return degrees_ != 0 || !order_.empty(); }
  double degrees() const { return degrees_; }
  // REQUIRES for a permutation: a picture of its size.
  media::Image Apply(const media::Image& image) const;
  // The same on PNG bytes.
  Result<std::string> ApplyPng(const std::string& png) const;

 private:
  double degrees_ = 0;
  std::vector<uint32_t> order_;  // pixel i comes from order_[i]
};

}  // namespace perennial::bench
