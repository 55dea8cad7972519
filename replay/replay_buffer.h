#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "replay/example.h"
#include "replay/replay_options.h"
#include "storage/base/hash.h"
#include "storage/base/rng.h"
#include "storage/base/status.h"
#include "storage/kv/kv_store.h"

namespace perennial::replay {

// The replay memory: which examples to keep, and draws from them. Add and Draw are O(1) per example (expected). The
// examples lie in the store, except for those that the next checkpoint is to bring there; memory takes about 50 bytes
// an example, plus the cache of decoded ones, plus states. Deterministic: a function of the calls and of the Rng passed
// in. Persisted as part of a checkpoint: ContributeTo adds only what changed since the last one that was confirmed.
// Thread-compatible (owned by the trainer's thread).
class ReplayBuffer {
 public:
  static std::vector<std::string> Families();
  // `prefix` separates several buffers in one store ("main", "shadow"). Loads what the last checkpoint saved: reads
  // every example once, decodes none but where herding takes over. REQUIRES `store` outlives the buffer.
  static Result<std::unique_ptr<ReplayBuffer>> Open(kv::KvStore& store, std::string_view prefix, ReplayOptions options);
  virtual ~ReplayBuffer() = default;
  // Adds to `batch` what deletes all that a buffer saved. REQUIRES it is not open.
  static Status Drop(const kv::KvStore& store, std::string_view prefix, kv::WriteBatch& batch);

  // Offers an example; it may be kept (with `state`, if item_state is on), replace another, or be dropped. Returns the
  // id it is kept under, or 0.
  virtual uint64_t Add(Example example, ItemState state, Rng& rng) = 0;
  uint64_t Add(Example example, Rng& rng) { return Add(std::move(example), ItemState(), rng); }
  // `count` examples uniformly with equal chances, without replacement while count <= size() (then all, shuffled).
  // With source_draw_share fewer, where one source has too many of them. Shared, not copied; without `image`, the
  // encoded bytes. What is not cached is read from the store and decoded: kCorruption when that fails, and the draw can
  // be tried again with the same random numbers.
  virtual Result<std::vector<Drawn>> Draw(size_t count, Rng& rng) = 0;
  // Replaces the state of example `id`. Does nothing when it was evicted, or without item_state. A state that grew
  // counts at once; room for it is made with the next Add.
  virtual void SetState(uint64_t id, ItemState state) = 0;

  // Lets go of every example of `source`; returns how many there were. What was counted of their partitions goes down
  // in proportion, so that what is kept of later examples is kept as if those had never come. Reads every record; when
  // that fails nothing has changed.
  virtual Result<size_t> Forget(std::string_view source) = 0;

  virtual size_t size() const = 0;
  virtual uint64_t bytes() const = 0;         // encoded bytes held, states included
  virtual uint64_t cached_bytes() const = 0;  // in memory, of decoded examples
  // Examples per partition key, for status.
  virtual std::vector<std::pair<std::string, size_t>> Partitions() const = 0;

  // Adds the changes since the last Confirm() to `batch`; call Confirm() once that batch is durable.
  virtual void ContributeTo(kv::WriteBatch& batch) = 0;
  virtual void Confirm() = 0;
  // SHA-256 over all that decides later draws and what they hold: equal memories have equal digests. Reads everything.
  virtual Result<Hash256> Digest() const = 0;
};

}  // namespace perennial::replay
