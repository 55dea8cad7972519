#include "api/evaluation_journal.h"

#include <utility>

#include "storage/base/bytes.h"
#include "storage/base/log.h"

namespace perennial::api {
namespace {

constexpr char kFamily[] = "evaluations";
constexpr char kFlipsFamily[] = "flips";

std::string KeyOf(const std::string& trainer, const EvaluationRecord& record) {
  std::string key = trainer;
  key.push_back('\0');
  return key + BigEndian64(static_cast<uint64_t>(record.time_us));
}

}  // namespace

std::vector<std::string> EvaluationJournal::Families() { return {kFamily, kFlipsFamily}; }

Result<std::unique_ptr<EvaluationJournal>> EvaluationJournal::Open(kv::KvStore& store, size_t limit) {
  PERENNIAL_ASSIGN_OR_RETURN(const kv::Family family, store.FindFamily(kFamily));
  PERENNIAL_ASSIGN_OR_RETURN(const kv::Family flips, store.FindFamily(kFlipsFamily));
  std::unique_ptr<EvaluationJournal> journal(new EvaluationJournal(store, family, flips, limit));
  PERENNIAL_RETURN_IF_ERROR(journal->Load().WithContext("open the evaluation journal"));
  return journal;
}

Status EvaluationJournal::Load() {
  MutexLock lock(mutex_);
  const auto iterator = store_.NewIterator(family_);
  for (iterator->SeekToFirst(); iterator->Valid(); iterator->Next()) {
    const std::string_view key = iterator->key();
    const size_t end = key.find('\0');
    auto record = EvaluationFromJson(iterator->value());
    if (end == std::string_view::npos || !record.ok()) {
      // A plot with one point less is better than a hub that does not start.
      log::Warn("evaluation_record_skipped", {{"error", record.status().ToString()}});
      continue;
    }
    records_[std::string(key.substr(0, end))].push_back(*std::move(record));
  }
  return iterator->status();
}

void EvaluationJournal::Append(const std::string& trainer, EvaluationRecord record) {
  MutexLock lock(mutex_);
  auto& list = records_[trainer];
  // Keys are times: two records of one microsecond, or a clock that was set back, must not replace or reorder.
  if (!list.empty() && record.time_us <= list.back().time_us) record.time_us = list.back().time_us + 1;
  Write(trainer, record);
  list.push_back(std::move(record));
  if (list.size() <= limit_) return;
  kv::WriteBatch batch;
  batch.Delete(family_, KeyOf(trainer, list.front()));
  if (const Status dropped = store_.Write(batch, kv::Durability::kBuffered); !dropped.ok()) {
    log::Warn("evaluation_record_not_dropped", {{"error", dropped.ToString()}});
  }
  list.erase(list.begin());
}

void EvaluationJournal::NotePublished(const std::string& trainer, uint64_t trained_until, VersionId version) {
  MutexLock lock(mutex_);
  auto& list = records_[trainer];
  for (auto record = list.rbegin(); record != list.rend(); ++record) {
    if (record->trained_until != trained_until || record->version.value != 0 || !record->accepted) continue;
    record->version = version;
    Write(trainer, *record);
    return;
  }
}

void EvaluationJournal::PutFlips(VersionId version, FlipList flips) {
  MutexLock lock(mutex_);
  DropForgotten(flips);
  kv::WriteBatch batch;
  batch.Put(flips_, BigEndian64(version.value), FlipsJson(flips));
  if (version.value > kVersionsWithFlips) batch.Delete(flips_, BigEndian64(version.value - kVersionsWithFlips));
  if (const Status written = store_.Write(batch, kv::Durability::kBuffered); !written.ok()) {
    log::Warn("flips_not_stored", {{"version", version.value}, {"error", written.ToString()}});
  }
}

Result<std::optional<FlipList>> EvaluationJournal::Flips(VersionId version) const {
  PERENNIAL_ASSIGN_OR_RETURN(const std::optional<std::string> json, store_.Get(flips_, BigEndian64(version.value)));
  if (!json) return std::optional<FlipList>();
  PERENNIAL_ASSIGN_OR_RETURN(FlipList flips,
                             FlipsFromJson(*json).WithContext("flips of version " + version.ToString()));
  return std::optional<FlipList>(std::move(flips));
}

Status EvaluationJournal::ForgetFlips(const std::vector<Offset>& offsets) {
  if (offsets.empty()) return Status::Ok();
  MutexLock lock(mutex_);
  for (const Offset offset : offsets) forgotten_.insert(offset.value);
  kv::WriteBatch batch;
  auto at = store_.NewIterator(flips_);
  for (at->SeekToFirst(); at->Valid(); at->Next()) {
    Result<FlipList> flips = FlipsFromJson(at->value());
    if (!flips.ok()) {
      batch.Delete(flips_, std::string(at->key()));
    } else if (DropForgotten(*flips) > 0) {
      batch.Put(flips_, std::string(at->key()), FlipsJson(*flips));
    }
  }
  PERENNIAL_RETURN_IF_ERROR(at->status());
  at.reset();  // it would keep from being purged what it has seen
  if (!batch.empty()) {
    PERENNIAL_RETURN_IF_ERROR(store_.Write(batch, kv::Durability::kSynced).WithContext("forget flips"));
  }
  // Also when nothing was found: a call before this one may have come so far.
  return store_.Purge({flips_});
}

size_t EvaluationJournal::DropForgotten(FlipList& flips) const {
  const auto is_forgotten = [&forgotten = forgotten_](const FlipList::Flip& flip) {
    return forgotten.contains(flip.offset);
  };
  return std::erase_if(flips.listed, is_forgotten);
}

std::map<std::string, std::vector<EvaluationRecord>> EvaluationJournal::Records() const {
  MutexLock lock(mutex_);
  return records_;
}

void EvaluationJournal::Write(const std::string& trainer, const EvaluationRecord& record) const {
  kv::WriteBatch batch;
  batch.Put(family_, KeyOf(trainer, record), EvaluationJson(record));
  if (const Status written = store_.Write(batch, kv::Durability::kBuffered); !written.ok()) {
    log::Warn("evaluation_record_not_stored", {{"error", written.ToString()}});
  }
}

}  // namespace perennial::api
