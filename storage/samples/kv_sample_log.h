#pragma once

#include <memory>
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

 private:
  LogState Snapshot() const;
  AppendDraft NewDraft() const { return {families_, options_, Snapshot(), clock_.WallMicros()}; }
  // Writes the draft and makes its state the log's.
  Status Commit(AppendDraft& draft) REQUIRES_LOCK(append_mutex_);
  // Drops the oldest entries until those that stay keep both bounds.
  Status TrimQuarantine(AppendDraft& draft) REQUIRES_LOCK(append_mutex_);
  // The records at `offsets`, all of which must exist.
  Result<std::vector<LogRecord>> ReadRecords(const std::vector<Offset>& offsets) const;

  // Constant after construction.
  kv::KvStore& store_;
  const LogFamilies families_;
  const SampleLogOptions options_;
  const Clock& clock_;

  // Own synchronisation.
  SampleChecker checker_;

  Mutex append_mutex_;  // one appender at a time; taken before state_mutex_
  mutable Mutex state_mutex_;
  mutable CondVar grew_;
  LogState state_ GUARDED_BY(state_mutex_);
};

}  // namespace perennial::samples
