#include <algorithm>
#include <deque>
#include <unordered_map>

#include "storage/base/hash.h"
#include "storage/sources/chain_source.h"

namespace perennial::sources {
namespace {

class OrderedSource final : public Source {
 public:
  explicit OrderedSource(std::vector<std::string> order) : order_(std::move(order)) {}

  Result<std::optional<Item>> Next() override {
    if (!errors_.empty()) {
      Item item = std::move(errors_.front());
      errors_.pop_front();
      return std::optional<Item>(std::move(item));
    }
    for (; bucket_ < buckets_.size(); ++bucket_) {
      if (buckets_[bucket_].empty()) continue;
      Held held = std::move(buckets_[bucket_].front());
      buckets_[bucket_].pop_front();
      if (held.image != nullptr) held.sample.image = *held.image;
      return std::optional<Item>(Item{std::move(held.sample), std::move(held.pointer)});
    }
    return std::optional<Item>();
  }
  std::optional<uint64_t> Size() const override { return size_; }

  Status Load(Source& source) {
    while (true) {
      PERENNIAL_ASSIGN_OR_RETURN(auto item, source.Next());
      if (!item) break;
      ++size_;
      if (item->sample.ok()) {
        Hold(std::move(*item));
      } else {
        errors_.push_back(std::move(*item));
      }
      if (bytes_ > kMaxOrderedBytes) {
        return ResourceExhausted(
            "more than " + std::to_string(kMaxOrderedBytes >> 20) + " MiB to bring into slice order",
            "store the slices in separate files, or feed without ordering");
      }
    }
    images_.clear();
    return Status::Ok();
  }

 private:
  // A sample whose image is shared with the others that show the same picture.
  struct Held {
    format::Sample sample;
    std::shared_ptr<const std::string> image;
    std::string pointer;
  };

  void Hold(Item item) {
    Held held{std::move(*item.sample), nullptr, std::move(item.pointer)};
    if (!held.sample.image.empty()) {
      auto& shared = images_[Sha256(held.sample.image)];
      if (shared == nullptr) {
        bytes_ += held.sample.image.size();
        shared = std::make_shared<const std::string>(std::move(held.sample.image));
      }
      held.image = shared;
      held.sample.image = std::string();
    }
    bytes_ += sizeof(Held) + held.sample.text.size() + held.pointer.size();
    const size_t slice = SlicePosition(held.sample.slice);
    buckets_[2 * slice + (held.sample.part == format::Part::kTest ? 0 : 1)].push_back(std::move(held));
  }

  // Position in order_, which grows by slices it does not name.
  size_t SlicePosition(const std::string& slice) {
    size_t at = static_cast<size_t>(std::find(order_.begin(), order_.end(), slice) - order_.begin());
    if (at == order_.size()) order_.push_back(slice);
    if (buckets_.size() < 2 * order_.size()) buckets_.resize(2 * order_.size());
    return at;
  }

  std::vector<std::string> order_;
  std::vector<std::deque<Held>> buckets_;  // of slice i: test 2i, train 2i + 1
  std::deque<Item> errors_;
  std::unordered_map<Hash256, std::shared_ptr<const std::string>> images_;
  uint64_t bytes_ = 0;
  uint64_t size_ = 0;
  size_t bucket_ = 0;
};

}  // namespace

Result<std::unique_ptr<Source>> OrderBySlice(std::unique_ptr<Source> source, std::vector<std::string> order) {
  auto ordered = std::make_unique<OrderedSource>(std::move(order));
  PERENNIAL_RETURN_IF_ERROR(ordered->Load(*source));
  return std::unique_ptr<Source>(std::move(ordered));
}

}  // namespace perennial::sources
