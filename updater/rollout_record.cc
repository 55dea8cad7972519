#include "updater/rollout_record.h"

#include "storage/base/bytes.h"

namespace perennial::updater {
namespace {

constexpr uint8_t kRecordVersion = 1;
constexpr size_t kMaxKindBytes = 32;

}  // namespace

std::string RolloutRecord::Encode() const {
  ByteWriter out;
  out.U8(kRecordVersion);
  out.U64(state.epoch);
  out.U64(state.revision);
  out.U64(state.stable.value);
  out.U64(state.candidate.value);
  out.U32(state.weight_permille);
  out.U8(state.paused ? 1 : 0);
  out.I64(trial_started_us);
  const size_t skip = history.size() > kMaxHistory ? history.size() - kMaxHistory : 0;
  out.Varint(history.size() - skip);
  for (size_t i = skip; i < history.size(); ++i) {
    const RolloutController::Event& event = history[i];
    out.I64(event.time_us);
    out.Bytes(std::string_view(event.kind).substr(0, kMaxKindBytes));
    out.U64(event.version.value);
    out.Bytes(std::string_view(event.reason).substr(0, kMaxReasonBytes));
  }
  return out.Take();
}

Result<RolloutRecord> RolloutRecord::Decode(std::string_view bytes) {
  ByteReader in(bytes);
  if (in.U8() != kRecordVersion) return Corruption("rollout record: unknown format version");
  RolloutRecord record;
  record.state.epoch = in.U64();
  record.state.revision = in.U64();
  record.state.stable.value = in.U64();
  record.state.candidate.value = in.U64();
  record.state.weight_permille = in.U32();
  record.state.paused = in.U8() != 0;
  record.trial_started_us = in.I64();
  const uint64_t events = in.Varint();
  if (events > kMaxHistory) return Corruption("rollout record: history too long");
  for (uint64_t i = 0; i < events && in.ok(); ++i) {
    RolloutController::Event event;
    event.time_us = in.I64();
    event.kind = in.Bytes(kMaxKindBytes);
    event.version.value = in.U64();
    event.reason = in.Bytes(kMaxReasonBytes);
    record.history.push_back(std::move(event));
  }
  PERENNIAL_RETURN_IF_ERROR(in.Finish("rollout record"));
  return record;
}

}  // namespace perennial::updater
