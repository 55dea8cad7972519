#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/clock.h"
#include "storage/base/ids.h"
#include "storage/base/status.h"
#include "storage/format/sample.h"
#include "storage/kv/kv_store.h"
#include "storage/media/image.h"

namespace perennial::samples {

struct SampleLogOptions {
  format::SampleLimits limits;
  media::DecodeLimits image_limits;
  double held_out_share = 0.05;  // of groups, drawn by hash; never trained on
  uint64_t seed = 1;             // of that draw
  size_t validation_threads = 2;
  uint64_t max_quarantine_entries = 100'000;     // the oldest go first
  uint64_t max_quarantine_bytes = 256ull << 20;  // of their records, content included; the oldest go first
  Status Validate() const;
};

// What an entry of the log is to the trainer.
enum class EntryKind : uint8_t {
  kSample = 0,     // a new sample
  kLateLabel = 1,  // a label for an earlier sample: becomes trainable here
  kFlush = 2,      // "train on what is there, do not wait to fill the batch": written at the end of a feed
  kForget = 3,     // "let go of everything that came from this source before here"
  kErased = 4,     // was a sample or a late label of a source that was forgotten; nothing else is left of it
};

// One position of the log. `sample` is complete (image bytes included) for kSample and, with the late label filled in,
// for kLateLabel; of kForget it is the source's name alone.
struct Entry {
  Offset offset;
  EntryKind kind = EntryKind::kSample;
  format::Sample sample;
  bool held_out = false;         // evaluation only (test part, or drawn by group)
  std::optional<Offset> labels;  // kLateLabel: the sample it labels
  Offset since;                  // kForget: behind the source's forget entry before this one; 0: there is none
  int64_t appended_us = 0;       // wall time when it was made durable
  // True when the trainer learns from this entry.
  bool Trainable() const {
    const bool has_sample = kind == EntryKind::kSample || kind == EntryKind::kLateLabel;
    return has_sample && sample.label.has_value() && !held_out;
  }
};

// What became of one sample of an Append call, in request order.
struct AppendOutcome {
  // kRefused: its source is blocked, and nothing of it was kept.
  enum class State : uint8_t { kAccepted, kDuplicate, kQuarantined, kRefused } state = State::kAccepted;
  Offset offset;               // kAccepted: its own; kDuplicate: the first one's
  Status error;                // kQuarantined, kRefused: code, message, hint
  uint64_t quarantine_id = 0;  // kQuarantined
};

// Input that could not even be parsed into a sample.
struct BadInput {
  Status error;            // why
  std::string pointer;     // as QuarantineEntry's
  format::Sample partial;  // as far as it could be read
};

struct QuarantineEntry {
  uint64_t id = 0;
  Status error;
  std::string pointer;    // where in the input: "line 17", "items/3", "train.tar!k12.png"
  format::Sample sample;  // as far as it could be read
  int64_t time_us = 0;
};

// What an entry of a source was for when it was appended. Stored: the numbers stay.
enum class SourceUse : uint8_t { kWaiting = 0, kTrainable = 1, kHeldOut = 2 };

// One source as the log knows it.
struct SourceInfo {
  std::string source;
  uint64_t samples = 0;  // accepted ever: waiting_for_label + held_out + trainable + forgotten
  uint64_t waiting_for_label = 0, held_out = 0, trainable = 0, forgotten = 0;
  bool blocked = false;                // further samples of it are refused
  std::optional<Offset> forgotten_at;  // its newest forget entry; everything of it before there is forgotten
  bool erasing = false;                // something that was forgotten may still be on the disk
};

// Someone who learns from the log and so has to let go of what is forgotten before it is erased: a trainer.
struct ReaderInfo {
  std::string reader;
  Offset done;  // every forget entry before here is carried out, and that is durable
};

// Counters since the log began.
struct SampleLogStats {
  uint64_t end = 0;  // next offset
  uint64_t accepted = 0, duplicates = 0, quarantined = 0, waiting_for_label = 0, held_out = 0, trainable = 0;
  uint64_t forgotten = 0;  // samples; accepted = waiting_for_label + held_out + trainable + forgotten
  uint64_t image_blobs = 0;
  uint64_t quarantine_entries = 0;
  uint64_t quarantine_bytes = 0;
};

// The durable sample log on a KvStore: offsets from 0 without gaps, image blobs stored once per content hash, a dedup
// index by (source, id) or content hash, a held-out index per slice, late labels, quarantine. An Append that returned
// is synced. Thread-safe: one appender at a time inside (validation runs in parallel before the lock), readers never
// block it.
class SampleLog {
 public:
  // Names of the column families it needs in KvOptions::families.
  static std::vector<std::string> Families();
  // REQUIRES `store` and `clock` outlive the log.
  static Result<std::unique_ptr<SampleLog>> Open(kv::KvStore& store, SampleLogOptions options, const Clock& clock);
  virtual ~SampleLog() = default;

  // Validates (images are fully decoded), deduplicates and appends in one synced batch. Bad samples go to quarantine
  // with `pointers[i]` (may be empty); they never fail the call. The call fails only when nothing was made durable.
  virtual Result<std::vector<AppendOutcome>> Append(std::vector<format::Sample> samples,
                                                    std::vector<std::string> pointers = {}) = 0;
  // Labels the sample (source, id) that waits for one. kNotFound, or kAlreadyExists when it has a label already.
  virtual Result<Offset> AppendLateLabel(std::string_view source, std::string_view id, std::string_view label) = 0;
  virtual Result<Offset> AppendFlush() = 0;

  // Forgets what `source` sent so far, with a durable entry of the log, whose offset is returned. From then on nothing
  // of it is held out, known as a duplicate, waits for a label or lies in quarantine; its entries stay readable until
  // every reader has let go of them, and are then erased from the disk (kErased stays, so offsets stay as they are).
  // What the source sends later is accepted as new, unless `block`. A source that was forgotten and sent nothing since
  // gets no second entry. Appending waits meanwhile, for a time that grows with the source's samples. kNotFound when
  // nothing of it was ever accepted or is in quarantine. May be repeated, also to erase what could not be erased.
  virtual Result<Offset> Forget(std::string_view source, bool block) = 0;
  // Accepts samples of a blocked source again. kNotFound as Forget.
  virtual Status Unblock(std::string_view source) = 0;
  // By name; those behind `after`.
  virtual Result<std::vector<SourceInfo>> Sources(std::string_view after, size_t max_count) const = 0;
  // The sources of which something that was forgotten may still be on the disk.
  virtual Result<std::vector<std::string>> Erasing() const = 0;
  virtual Result<SourceInfo> FindSource(std::string_view source) const = 0;  // kNotFound
  // Offsets in [begin, end) where something of `source` was appended for `use`, ascending; also where it was erased
  // since.
  virtual Result<std::vector<Offset>> OffsetsOf(std::string_view source, SourceUse use, Offset begin,
                                                Offset end) const = 0;

  // Says durably that `reader` has carried out every forget entry before `done`; a new reader is known from here on.
  // Then erases what all readers have let go of, on the caller's thread: rewriting the files takes a time that grows
  // with the log. What an error (logged, none of the reader's) or a kill leaves undone, the next call makes up for.
  virtual Status NoteReader(std::string_view reader, Offset done) = 0;
  // Nobody waits for it any more. Ok when it is not known.
  virtual Status RemoveReader(std::string_view reader) = 0;
  virtual Result<std::vector<ReaderInfo>> Readers() const = 0;

  // Records bad input in one synced batch; ids in request order. kInvalidArgument when one has no error.
  virtual Result<std::vector<uint64_t>> QuarantineAll(std::vector<BadInput> inputs) = 0;
  // The same for one.
  virtual Result<uint64_t> Quarantine(const Status& error, std::string_view pointer, const format::Sample& partial) = 0;

  virtual Result<Entry> Read(Offset offset) const = 0;
  // Entries [begin, min(begin + max_count, end)).
  virtual Result<std::vector<Entry>> ReadRange(Offset begin, size_t max_count) const = 0;
  virtual Offset End() const = 0;
  // Waits until End() > `offset`; false on deadline.
  virtual bool WaitPast(Offset offset, SteadyTime deadline) const = 0;

  // Slices in order of first appearance.
  virtual std::vector<std::string> Slices() const = 0;
  // Offsets of labelled held-out samples of a slice, ascending. `part` narrows to the explicit test part or to the
  // drawn share.
  enum class HeldOut : uint8_t { kAll, kTestPart, kDrawn };
  virtual Result<std::vector<Offset>> HeldOutOffsets(std::string_view slice, HeldOut which = HeldOut::kAll) const = 0;

  virtual Result<std::vector<QuarantineEntry>> ListQuarantine(uint64_t after_id, size_t max_count) const = 0;
  virtual Status DropQuarantine(uint64_t id) = 0;
  virtual SampleLogStats Stats() const = 0;
};

}  // namespace perennial::samples
