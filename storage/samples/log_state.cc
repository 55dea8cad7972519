#include "storage/samples/log_state.h"

#include "storage/base/bytes.h"
#include "storage/base/rng.h"

namespace perennial::samples {
namespace {
constexpr uint8_t kFormatVersion = 3;
constexpr uint8_t kWithoutSources = 2;
constexpr uint8_t kWithoutQuarantineBytes = 1;
}  // namespace

void LogState::AddSlice(std::string name) {
  slice_numbers.emplace(name, static_cast<uint32_t>(slices.size()));
  slices.push_back(std::move(name));
}

std::string LogState::Encode() const {
  ByteWriter out;
  out.U8(kFormatVersion);
  for (const uint64_t count :
       {stats.end, stats.accepted, stats.duplicates, stats.quarantined, stats.waiting_for_label, stats.held_out,
        stats.trainable, stats.image_blobs, stats.quarantine_entries, next_quarantine_id, seed}) {
    out.Varint(count);
  }
  out.F64(held_out_share);
  out.Varint(stats.quarantine_bytes);
  out.Varint(stats.forgotten);
  return out.Take();
}

Result<LogState> LogState::Decode(std::string_view bytes) {
  ByteReader in(bytes);
  const uint8_t version = in.U8();
  if (version < kWithoutQuarantineBytes || version > kFormatVersion) {
    return Corruption("sample log state: unknown format version");
  }
  LogState state;
  for (uint64_t* count :
       {&state.stats.end, &state.stats.accepted, &state.stats.duplicates, &state.stats.quarantined,
        &state.stats.waiting_for_label, &state.stats.held_out, &state.stats.trainable, &state.stats.image_blobs,
        &state.stats.quarantine_entries, &state.next_quarantine_id, &state.seed}) {
    *count = in.Varint();
  }
  state.held_out_share = in.F64();
  state.quarantine_bytes_known = version != kWithoutQuarantineBytes;
  if (state.quarantine_bytes_known) state.stats.quarantine_bytes = in.Varint();
  state.sources_known = version > kWithoutSources;
  if (state.sources_known) state.stats.forgotten = in.Varint();
  PERENNIAL_RETURN_IF_ERROR(in.Finish("sample log state"));
  return state;
}

bool DrawsHeldOut(uint64_t seed, double share, uint64_t group) {
  const uint64_t mixed = Mix64(Mix64(seed) + group);
  return static_cast<double>(mixed >> 11) * 0x1.0p-53 < share;
}

}  // namespace perennial::samples
