#include "storage/samples/append_draft.h"

#include "storage/base/bytes.h"
#include "storage/samples/log_record.h"
#include "storage/samples/quarantine_record.h"

namespace perennial::samples {

Status AppendDraft::LoadSources(const kv::KvStore& store, const std::set<std::string>& sources) {
  std::vector<std::string> keys;
  for (const std::string& source : sources) keys.push_back(SourceKey(source));
  PERENNIAL_ASSIGN_OR_RETURN(const auto stored, store.MultiGet(families_.sources, keys));
  size_t next = 0;
  for (const std::string& source : sources) {
    Loaded& loaded = sources_[source];
    if (const std::optional<std::string>& bytes = stored[next++]; bytes) {
      PERENNIAL_ASSIGN_OR_RETURN(loaded.record, SourceRecord::Decode(*bytes));
    }
  }
  return Status::Ok();
}

void AppendDraft::List(const std::string& source, Offset offset, SourceUse use) {
  TouchSource(source);
  SourceRecord& record = Source(source);
  uint64_t& count = use == SourceUse::kWaiting   ? record.waiting
                    : use == SourceUse::kHeldOut ? record.held_out
                                                 : record.trainable;
  ++count;
  batch_.Put(families_.sources, SourceEntryKey(source, offset), std::string(1, static_cast<char>(use)));
}

AppendOutcome AppendDraft::Add(format::Sample sample, const CheckedSample& checked, std::string_view pointer) {
  using State = AppendOutcome::State;
  if (Source(sample.source).blocked) {
    return {.state = State::kRefused,
            .offset = {},
            .error = PermissionDenied("source: samples of '" + sample.source + "' are blocked",
                                      "POST /api/v1/sources/{source}/unblock accepts them again"),
            .quarantine_id = 0};
  }
  if (!checked.error.ok()) {
    ++state_.stats.quarantined;
    const uint64_t id = AddQuarantine(checked.error, pointer, std::move(sample));
    return {.state = State::kQuarantined, .offset = {}, .error = checked.error, .quarantine_id = id};
  }
  const auto earlier = offsets_.find(checked.dedup_key);
  if (checked.duplicate_of || earlier != offsets_.end()) {
    ++state_.stats.duplicates;
    const Offset offset = checked.duplicate_of ? *checked.duplicate_of : earlier->second;
    return {.state = State::kDuplicate, .offset = offset, .error = {}, .quarantine_id = 0};
  }

  LogRecord record{.kind = EntryKind::kSample,
                   .held_out = HeldOut(sample, checked.image_hash),
                   .appended_us = now_us_,
                   .image = {},
                   .sample = std::move(sample),
                   .labels = {},
                   .label = {},
                   .source = {},
                   .since = {},
                   .block = false};
  if (!record.sample.image.empty()) {
    record.image = checked.image_hash;
    if (!checked.blob_stored && blobs_.emplace(checked.image_hash, true).second) {
      ++state_.stats.image_blobs;
      batch_.Put(families_.blobs, std::string(checked.image_hash.View()), std::move(record.sample.image));
    }
    record.sample.image.clear();
  }
  if (record.sample.slice.empty()) record.sample.slice = "default";
  if (record.sample.time_us == 0) record.sample.time_us = now_us_;
  const Offset offset = Log(record);
  ++state_.stats.accepted;
  ++Source(record.sample.source).samples;
  Count(record.sample, record.held_out, offset);
  if (!record.sample.label) {
    ++state_.stats.waiting_for_label;
    batch_.Put(families_.waiting, checked.dedup_key, OffsetValue(offset));
  }
  batch_.Put(families_.dedup, checked.dedup_key, OffsetValue(offset));
  offsets_.emplace(checked.dedup_key, offset);
  return {.state = State::kAccepted, .offset = offset, .error = {}, .quarantine_id = 0};
}

Offset AppendDraft::AddLateLabel(const LogRecord& record, Offset offset, std::string_view waiting_key,
                                 std::string_view label) {
  LogRecord late;
  late.kind = EntryKind::kLateLabel;
  late.held_out = record.held_out;
  late.appended_us = now_us_;
  late.labels = offset;
  late.label = label;
  const Offset at = Log(late);
  format::Sample labelled = record.sample;
  labelled.label = std::string(label);
  --state_.stats.waiting_for_label;
  --Source(labelled.source).waiting;
  Count(labelled, record.held_out, at);
  batch_.Delete(families_.waiting, std::string(waiting_key));
  return at;
}

Offset AppendDraft::AddFlush() {
  LogRecord record;
  record.kind = EntryKind::kFlush;
  record.appended_us = now_us_;
  return Log(record);
}

Offset AppendDraft::AddForget(const std::string& source, bool block) {
  SourceRecord& record = Source(source);
  TouchSource(source);
  LogRecord entry;
  entry.kind = EntryKind::kForget;
  entry.appended_us = now_us_;
  entry.source = source;
  entry.since = record.forgotten_at ? Offset{record.forgotten_at->value + 1} : Offset{};
  entry.block = block;
  const Offset at = Log(entry);
  state_.stats.waiting_for_label -= record.waiting;
  state_.stats.held_out -= record.held_out;
  state_.stats.trainable -= record.trainable;
  state_.stats.forgotten += record.Live();
  record.forgotten += record.Live();
  record.waiting = record.held_out = record.trainable = 0;
  record.blocked = record.blocked || block;
  record.since = entry.since;
  record.forgotten_at = at;
  record.listed = record.pending = true;
  batch_.Put(families_.sources, PendingKey(source), {});
  return at;
}

void AppendDraft::EraseEntry(Offset offset, int64_t appended_us) {
  LogRecord erased;
  erased.kind = EntryKind::kErased;
  erased.appended_us = appended_us;
  batch_.Put(families_.log, BigEndian64(offset.value), erased.Encode());
}

void AppendDraft::DropBlob(const Hash256& image) {
  --state_.stats.image_blobs;
  batch_.Delete(families_.blobs, std::string(image.View()));
}

uint64_t AppendDraft::AddQuarantine(const Status& error, std::string_view pointer, format::Sample sample) {
  const uint64_t id = state_.next_quarantine_id++;
  // What is over a limit would only be refused again, and could fill the disk.
  if (sample.image.size() > options_.limits.max_image_bytes) sample.image.clear();
  if (sample.text.size() > (1u << 20)) sample.text.clear();
  const QuarantineEntry entry{
      .id = id, .error = error, .pointer = std::string(pointer), .sample = std::move(sample), .time_us = now_us_};
  std::string record = EncodeQuarantine(entry);
  ++state_.stats.quarantine_entries;
  state_.stats.quarantine_bytes += record.size();
  quarantined_.push_back({id, record.size()});
  batch_.Put(families_.quarantine, BigEndian64(id), std::move(record));
  return id;
}

void AppendDraft::DropQuarantine(uint64_t id, uint64_t bytes) {
  --state_.stats.quarantine_entries;
  state_.stats.quarantine_bytes -= bytes;
  batch_.Delete(families_.quarantine, BigEndian64(id));
}

bool AppendDraft::DropOldestAdded() {
  if (quarantined_.empty()) return false;
  DropQuarantine(quarantined_.front().id, quarantined_.front().bytes);
  quarantined_.pop_front();
  return true;
}

bool AppendDraft::Finish() {
  for (const auto& [source, loaded] : sources_) {
    if (loaded.touched) batch_.Put(families_.sources, SourceKey(source), loaded.record.Encode());
  }
  const bool more = !batch_.empty();
  batch_.Put(families_.meta, "state", state_.Encode());
  return more;
}

Offset AppendDraft::Log(const LogRecord& record) {
  const Offset offset{state_.stats.end++};
  batch_.Put(families_.log, BigEndian64(offset.value), record.Encode());
  return offset;
}

uint32_t AppendDraft::SliceNumber(const std::string& slice) {
  const auto found = state_.slice_numbers.find(slice);
  if (found != state_.slice_numbers.end()) return found->second;
  const auto number = static_cast<uint32_t>(state_.slices.size());
  state_.AddSlice(slice);
  batch_.Put(families_.meta, SliceKey(number), slice);
  return number;
}

bool AppendDraft::HeldOut(const format::Sample& sample, const Hash256& image_hash) const {
  if (sample.part == format::Part::kTest) return true;
  Hash256 group = image_hash;
  if (!sample.group.empty()) {
    group = Sha256(sample.group);
  } else if (sample.image.empty()) {
    group = Sha256(sample.text);
  }
  return DrawsHeldOut(options_.seed, options_.held_out_share, ReadBigEndian64(group.View()));
}

void AppendDraft::Count(const format::Sample& sample, bool held_out, Offset offset) {
  const uint32_t slice = SliceNumber(sample.slice);
  List(sample.source, offset,
       !sample.label ? SourceUse::kWaiting
       : held_out    ? SourceUse::kHeldOut
                     : SourceUse::kTrainable);
  if (!sample.label) return;
  if (!held_out) {
    ++state_.stats.trainable;
    return;
  }
  ++state_.stats.held_out;
  batch_.Put(families_.held_out, HeldOutKey(slice, offset), std::string(1, static_cast<char>(sample.part)));
}

}  // namespace perennial::samples
