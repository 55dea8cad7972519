#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "replay/example.h"
#include "storage/base/clock.h"
#include "storage/base/mutex.h"
#include "storage/base/status.h"
#include "storage/base/thread.h"
#include "storage/format/model_spec.h"
#include "storage/samples/sample_log.h"
#include "trainer/online_trainer.h"

namespace perennial::trainer {

// One thing the log had for the trainer, in log order.
struct Prepared {
  enum class Kind : uint8_t {
    kSample,   // to train on
    kFlush,    // end the batch
    kForget,   // let go of what `example.source` sent before here
    kSkipped,  // nothing to train on up to and including `offset`
  } kind = Kind::kSample;
  Offset offset;
  replay::Example example;                        // kSample; pixels are decoded and resized, not augmented
  std::shared_ptr<const media::Image> augmented;  // what this sample's first step sees
  int64_t appended_us = 0;
  Offset since;  // kForget: what was sent before it is forgotten already
};

// Reads the log ahead of the step and decodes, resizes and augments on threads of its own ("prefetch-N"). Bounded: at
// most `capacity` entries ahead. Results come in log order and depend on (log, seed, offset) only, never on timing or
// thread count. A picture that does not decode (it did when it was accepted, maybe under wider limits) is left out with
// a warning; an unreadable log is an error of Next() and is tried again. Owned by the trainer; Next() is for one
// thread.
class Prefetcher {
 public:
  struct Options {
    format::ModelSpec spec;
    AugmentOptions augment;
    media::DecodeLimits image_limits;
    uint64_t seed = 1;
    int threads = 1;
    size_t capacity = 256;  // entries
  };
  // REQUIRES `log` outlives the prefetcher.
  Prefetcher(const samples::SampleLog& log, Offset begin, Options options);
  ~Prefetcher();
  Prefetcher(const Prefetcher&) = delete;
  Prefetcher& operator=(const Prefetcher&) = delete;

  // The next item; nullopt on deadline.
  Result<std::optional<Prepared>> Next(SteadyTime deadline);

 private:
  struct Chunk {
    std::vector<Prepared> items;
  };
  void Work();
  // The next entries and their number in the sequence; nullopt when told to stop or nothing came.
  std::optional<std::pair<uint64_t, std::vector<samples::Entry>>> Take();
  Chunk Prepare(std::vector<samples::Entry> entries) const;
  std::optional<Prepared> PrepareSample(samples::Entry entry) const;

  // Constant after construction.
  const samples::SampleLog& log_;
  const Options options_;
  const size_t max_chunks_;

  // Held while reading the log, so that chunks are numbered in log order; taken before mutex_.
  Mutex reader_mutex_;
  Offset read_position_ GUARDED_BY(reader_mutex_);
  uint64_t next_number_ GUARDED_BY(reader_mutex_) = 0;

  Mutex mutex_;
  CondVar changed_;
  std::map<uint64_t, Chunk> ready_ GUARDED_BY(mutex_);
  uint64_t wanted_ GUARDED_BY(mutex_) = 0;  // number of the chunk Next() hands out
  Status error_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;

  // The consumer's own.
  std::vector<Prepared> current_;
  size_t current_at_ = 0;

  std::vector<Thread> threads_;
};

}  // namespace perennial::trainer
