#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/ids.h"
#include "storage/base/rng.h"
#include "storage/base/status.h"
#include "storage/kv/kv_store.h"
#include "storage/media/image.h"

namespace perennial::replay {

// A remembered training example. `image` holds the encoded bytes (persisted), `pixels` the decoded and resized picture
// (a cache, made anew on load). Immutable once in a buffer.
struct Example {
  Offset offset;
  std::string image;
  std::string text;
  std::string label;
  std::string source;
  std::string slice;
  std::shared_ptr<const media::Image> pixels;  // null when there is no image
};

// What decides about an arriving example besides its label and source.
struct ReplayOptions {
  // reservoir: uniform over the stream (Vitter's R). class_balanced: Chrysakis and Moens, ICML 2020, partitions of
  // equal size as far as the stream allows, partitioned by label, by (label, source) or by (label, slice).
  enum class Policy : uint8_t { kNone, kReservoir, kClassBalanced } policy = Policy::kClassBalanced;
  enum class Partition : uint8_t { kLabel, kLabelAndSource, kLabelAndSlice } partition = Partition::kLabelAndSource;
  uint64_t capacity = 5000;              // examples
  uint64_t capacity_bytes = 256u << 20;  // encoded bytes of all examples
  int image_size = 32;                   // side of the decoded pictures
  media::DecodeLimits image_limits;      // a remembered picture that is over them is forgotten on load
  Status Validate() const;
};

// The replay memory: which examples to keep, and draws from them. Add and Draw are O(1) per example (expected).
// Deterministic: a function of the calls and of the Rng passed in. Persisted as part of a checkpoint: ContributeTo adds
// only what changed since the last one that was confirmed. Thread-compatible (owned by the trainer's thread).
class ReplayBuffer {
 public:
  static std::vector<std::string> Families();
  // `prefix` separates several buffers in one store ("main", "shadow"). Loads what the last checkpoint saved and
  // decodes the pictures.
  static Result<std::unique_ptr<ReplayBuffer>> Open(kv::KvStore& store, std::string_view prefix, ReplayOptions options);
  virtual ~ReplayBuffer() = default;

  // Offers an example; it may be kept, replace another, or be dropped.
  virtual void Add(Example example, Rng& rng) = 0;
  // `count` examples uniformly with equal chances, without replacement while count <= size() (then all, shuffled).
  // Shared, not copied.
  virtual std::vector<std::shared_ptr<const Example>> Draw(size_t count, Rng& rng) const = 0;

  virtual size_t size() const = 0;
  virtual uint64_t bytes() const = 0;  // encoded bytes held
  // Examples per partition key, for status.
  virtual std::vector<std::pair<std::string, size_t>> Partitions() const = 0;

  // Adds the changes since the last Confirm() to `batch`; call Confirm() once that batch is durable.
  virtual void ContributeTo(kv::WriteBatch& batch) = 0;
  virtual void Confirm() = 0;
};

}  // namespace perennial::replay
