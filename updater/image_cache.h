#pragma once

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "storage/base/hash.h"
#include "storage/format/version_image.h"

namespace perennial::updater {

// The few images used last, by root, so that a republished version shares its original's copy. Thread-compatible.
class ImageCache {
 public:
  using Image = std::shared_ptr<const format::VersionImage>;
  explicit ImageCache(size_t capacity) : capacity_(capacity) {}
  // Null when absent.
  Image Find(const Hash256& root);
  void Insert(const Hash256& root, Image image);

 private:
  const size_t capacity_;
  std::vector<std::pair<Hash256, Image>> entries_;  // the most recently used first
};

}  // namespace perennial::updater
