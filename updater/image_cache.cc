#include "updater/image_cache.h"

#include <algorithm>

namespace perennial::updater {

ImageCache::Image ImageCache::Find(const Hash256& root) {
  const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const auto& e) { return e.first == root; });
  if (found == entries_.end()) return nullptr;
  std::rotate(entries_.begin(), found, found + 1);
  return entries_.front().second;
}

void ImageCache::Insert(const Hash256& root, Image image) {
  if (Find(root) != nullptr) return;
  entries_.insert(entries_.begin(), {root, std::move(image)});
  if (entries_.size() > capacity_) entries_.pop_back();
}

}  // namespace perennial::updater
