#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "api/trainer_control.h"
#include "storage/base/mutex.h"
#include "storage/kv/kv_store.h"

namespace perennial::api {

// The evaluations of all trainers, kept over restarts for people and plots (the gate keeps its own reference in the
// trainer's checkpoint). Buffered writes: a power cut may take the newest. Family evaluations, key: trainer, 0 byte,
// big-endian time; value: JSON as GET evaluations shows it. Family flips, key: big-endian version; value: JSON as GET
// versions/{id}/flips shows it, without the version. Thread-safe.
class EvaluationJournal final : public Evaluations {
 public:
  static std::vector<std::string> Families();
  static constexpr size_t kVersionsWithFlips = 1000;
  // Keeps the newest `limit` records of each trainer. REQUIRES `store` outlives the journal.
  static Result<std::unique_ptr<EvaluationJournal>> Open(kv::KvStore& store, size_t limit);

  // A record that can't be written is still shown until the hub ends.
  void Append(const std::string& trainer, EvaluationRecord record);
  // A candidate that waited for the end of a trial was published after all.
  void NotePublished(const std::string& trainer, uint64_t trained_until, VersionId version);
  // What a version answers otherwise than its predecessor. Those of the newest kVersionsWithFlips versions are kept.
  void PutFlips(VersionId version, FlipList flips);
  std::map<std::string, std::vector<EvaluationRecord>> Records() const override;
  Result<std::optional<FlipList>> Flips(VersionId version) const override;
  // Neither are those listed of flips that are put later: an evaluation may be under way. One that cannot be read goes.
  Status ForgetFlips(const std::vector<Offset>& offsets) override;

 private:
  EvaluationJournal(kv::KvStore& store, kv::Family family, kv::Family flips, size_t limit)
      : store_(store), family_(family), flips_(flips), limit_(limit) {}
  Status Load();
  // Returns how many of those listed.
  size_t DropForgotten(FlipList& flips) const REQUIRES_LOCK(mutex_);
  void Write(const std::string& trainer, const EvaluationRecord& record) const;

  kv::KvStore& store_;
  const kv::Family family_;
  const kv::Family flips_;
  const size_t limit_;
  mutable Mutex mutex_;
  std::map<std::string, std::vector<EvaluationRecord>> records_ GUARDED_BY(mutex_);
  std::unordered_set<uint64_t> forgotten_ GUARDED_BY(mutex_);  // offsets; not saved, as the log lists them no longer
};

// The JSON of one record, and back.
std::string EvaluationJson(const EvaluationRecord& record);
Result<EvaluationRecord> EvaluationFromJson(std::string_view json);
std::string FlipsJson(const FlipList& flips);
Result<FlipList> FlipsFromJson(std::string_view json);

}  // namespace perennial::api
