#pragma once

#include <atomic>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "storage/base/mutex.h"
#include "storage/samples/append_draft.h"
#include "storage/samples/log_families.h"
#include "storage/samples/log_record.h"
#include "storage/samples/log_state.h"
#include "storage/samples/sample_checker.h"
#include "storage/samples/sample_log.h"

namespace perennial::samples {

// SampleLog on a KvStore. An appender checks its samples without a lock, then drafts and writes one batch under
// append_mutex_; readers take state_mutex_ only, and only for a moment.
class KvSampleLog final : public SampleLog {
 public:
  KvSampleLog(kv::KvStore& store, const LogFamilies& families, const SampleLogOptions& options, const Clock& clock,
              LogState state);

  Result<std::vector<AppendOutcome>> Append(std::vector<format::Sample> samples,
                                            std::vector<std::string> pointers) override;
  Result<Offset> AppendLateLabel(std::string_view source, std::string_view id, std::string_view label) override;
  Result<Offset> AppendFlush() override;
  Result<Offset> Forget(std::string_view source, bool block) override;
  Status Unblock(std::string_view source) override;
  Result<std::vector<SourceInfo>> Sources(std::string_view after, size_t max_count) const override;
  Result<std::vector<std::string>> Erasing() const override { return Names(kPendingKind); }
  Result<SourceInfo> FindSource(std::string_view source) const override;
  Result<std::vector<Offset>> OffsetsOf(std::string_view source, SourceUse use, Offset begin,
                                        Offset end) const override;
  Status NoteReader(std::string_view reader, Offset done) override;
  Status RemoveReader(std::string_view reader) override;
  Result<std::vector<ReaderInfo>> Readers() const override;
  Result<std::vector<uint64_t>> QuarantineAll(std::vector<BadInput> inputs) override;
  Result<uint64_t> Quarantine(const Status& error, std::string_view pointer, const format::Sample& partial) override;
  Status DropQuarantine(uint64_t id) override;

  Result<Entry> Read(Offset offset) const override;
  Result<std::vector<Entry>> ReadRange(Offset begin, size_t max_count) const override;
  Offset End() const override;
  bool WaitPast(Offset offset, SteadyTime deadline) const override;
  std::vector<std::string> Slices() const override;
  Result<std::vector<Offset>> HeldOutOffsets(std::string_view slice, HeldOut which) const override;
  Result<std::vector<QuarantineEntry>> ListQuarantine(uint64_t after_id, size_t max_count) const override;
  SampleLogStats Stats() const override;

  // Makes up for what a kill left undone of a Forget, as far as the disk has room. For Open.
  Status ResumeForgetting();

 private:
  LogState Snapshot() const;
  AppendDraft NewDraft() const { return {families_, options_, Snapshot(), clock_.WallMicros()}; }
  // Writes the draft and makes its state the log's.
  Status Commit(AppendDraft& draft) REQUIRES_LOCK(append_mutex_);
  // Drops the oldest entries until those that stay keep both bounds.
  Status TrimQuarantine(AppendDraft& draft) REQUIRES_LOCK(append_mutex_);
  // The records at `offsets`, all of which must exist.
  Result<std::vector<LogRecord>> ReadRecords(const std::vector<Offset>& offsets) const;
  // Whether what lies at an offset of `source` is forgotten.
  Result<bool> IsForgotten(const std::string& source, Offset offset) const;

  // kv_sample_log_forget.cc
  // A record that is stored; kNotFound otherwise.
  Result<SourceRecord> RecordOf(std::string_view source) const;
  Result<Offset> AppendForget(const std::string& source, bool block) REQUIRES_LOCK(append_mutex_);
  // Takes what the source's newest forget entry forgets out of the indices, and the source's samples out of quarantine.
  Status Unlist(const std::string& source) REQUIRES_LOCK(append_mutex_);
  Status UnlistEntries(const std::vector<Offset>& offsets) REQUIRES_LOCK(append_mutex_);
  // The same for every source that is listed_: before anything is appended.
  Status UnlistAll() REQUIRES_LOCK(append_mutex_);
  // Drops the source's samples from quarantine; how many they were.
  Result<size_t> SweepQuarantine(const std::string& source) REQUIRES_LOCK(append_mutex_);
  // Erases what every reader has let go of. What cannot be erased now is tried again by the next call.
  void EraseForgotten();
  Status TryErase();
  Status Erase(const std::string& source, Offset until) REQUIRES_LOCK(erase_mutex_);
  Result<std::vector<std::string>> Names(char kind) const;

  // Constant after construction.
  kv::KvStore& store_;
  const LogFamilies families_;
  const SampleLogOptions options_;
  const Clock& clock_;

  // Own synchronisation.
  SampleChecker checker_;

  Mutex erase_mutex_;   // one erasure at a time; taken before append_mutex_
  Mutex append_mutex_;  // one appender at a time; taken before state_mutex_
  // Counts what took back things that a checked sample may rely on: duplicates, stored pictures. Changes under
  // append_mutex_ only, and after the write: who read it before found what was taken, who reads it later does not.
  std::atomic<uint64_t> taken_back_{0};
  // Sources of which a forget entry is in the log and something may still be in the indices (SourceRecord::listed).
  std::set<std::string> listed_ GUARDED_BY(append_mutex_);
  mutable Mutex state_mutex_;
  mutable CondVar grew_;
  LogState state_ GUARDED_BY(state_mutex_);
};

}  // namespace perennial::samples
