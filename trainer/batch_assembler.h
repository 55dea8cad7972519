#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "storage/base/clock.h"
#include "storage/base/ids.h"
#include "storage/base/status.h"
#include "trainer/prefetcher.h"

namespace perennial::trainer {

// How many new samples of one source a batch may have.
struct SourceLimit {
  size_t per_batch = 0;     // 0: no limit
  size_t most_waiting = 0;  // samples that wait for a later batch, of all sources
  // `share` of a batch of `size`, at least one sample; 0 or 1: no limit.
  static SourceLimit Of(double share, size_t size);
};

// Where reading goes on: what a checkpoint keeps of an assembler.
struct ReadPosition {
  Offset next;                  // first entry that was not looked at, but for those that wait
  std::vector<Offset> waiting;  // samples before `next` that are still to be trained on, in order of the log
  Offset forgotten_until = {};  // the forget entries before it are carried out, also those behind `next`
  // Where to read from.
  Offset begin() const { return waiting.empty() ? next : waiting.front(); }
  // Whether a sample at `offset` was trained on when this was the position.
  bool Trained(Offset offset) const;
};

// Collects the new samples of the next step: the next `size` trainable entries of the log, or fewer when a flush entry
// comes. So a batch is a function of log offsets only; how long the entries take to arrive does not matter.
//
// With a limit, what a source sends beyond its share of a batch waits for the next ones, in order, and none is lost.
// When more than `most_waiting` wait, a batch is taken with the samples it has, fewer than `size`; before a flush is
// passed, such batches are taken until nothing waits.
//
// A forget entry takes what its source sent before it out of the batch and out of those that wait, and is handed out to
// be carried out; one that was carried out before, as a resumed trainer finds it behind its position, only does the
// first. Whatever of the source is still in the log then, the batch is the same: before the entry none was full. Owned
// by the trainer; thread-compatible.
class BatchAssembler {
 public:
  // REQUIRES the prefetcher begins at position.begin().
  BatchAssembler(Prefetcher& prefetcher, size_t size, ReadPosition position, SourceLimit limit = {});

  enum class State : uint8_t {
    kReady,    // samples() is the next batch
    kWaiting,  // the deadline passed; what came so far is kept
    kFlushed,  // a flush entry was passed with no sample before it
    kForget,   // forgetting() is to be carried out; until Forgotten() is called, nothing more is read
  };
  struct Forgetting {
    std::string source;
    Offset since;   // what lies before was forgotten by an earlier entry
    Offset offset;  // of the entry
  };
  Result<State> Fill(SteadyTime deadline);

  const std::vector<Prepared>& samples() const { return samples_; }
  // Read, and kept for later batches by the limit.
  const std::deque<Prepared>& held_back() const { return held_back_; }
  // True when a flush entry ended the batch.
  bool ended_by_flush() const { return ended_by_flush_; }
  // The share of a full batch that samples() is, where it is smaller because of the limit; else 1.
  double fullness() const;
  // Where reading goes on once the batch was trained. While a batch is incomplete: where it began.
  Offset cursor() const { return position_.begin(); }
  const ReadPosition& position() const { return position_; }
  // Entries before here were looked at.
  Offset read_until() const { return next_; }
  // The batch was trained: hands its samples over and starts the next one.
  std::vector<Prepared> Commit();
  // Null when there is nothing to forget. Until it was carried out, samples() and position() still have the source's.
  const Forgetting* forgetting() const { return forgetting_ ? &*forgetting_ : nullptr; }
  // It was carried out. REQUIRES forgetting() is not null.
  void Forgotten();

 private:
  Result<std::optional<Prepared>> Next(SteadyTime deadline);
  // What an entry does to the batch; true when a flush was passed and there is none.
  bool Place(Prepared item);
  // The same while what waited at the last checkpoint is read again.
  void Restore(Prepared item);
  bool HasRoom(const std::string& source) const;
  void Take(Prepared sample);
  // Drops what was read of a source.
  void LetGo(std::string_view source);
  // Begins a batch with those that wait.
  void TakeHeldBack();

  Prefetcher& prefetcher_;
  const size_t size_;
  const SourceLimit limit_;
  ReadPosition position_;          // when the present batch began
  Offset next_;                    // first entry that was not looked at
  bool restoring_;                 // entries before position_.next come again: of them only those count that wait
  std::optional<Prepared> ahead_;  // came too early while restoring
  std::vector<Prepared> samples_;
  std::unordered_map<std::string, size_t> of_source_;  // in samples_; empty without a limit
  std::deque<Prepared> held_back_;
  bool ready_ = false;
  bool ended_by_flush_ = false;
  bool flushing_ = false;    // the entry before next_ is a flush that is not passed yet
  bool has_waited_ = false;  // one of samples_ has
  std::optional<Forgetting> forgetting_;
};

}  // namespace perennial::trainer
