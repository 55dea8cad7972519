#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "storage/base/ids.h"
#include "storage/base/status.h"

namespace perennial::samples {

// The counts of one source and how far it is forgotten. Value type. Format: sample_log_format.md.
struct SourceRecord {
  uint64_t samples = 0;  // accepted ever: waiting + held_out + trainable + forgotten
  uint64_t waiting = 0, held_out = 0, trainable = 0;
  uint64_t forgotten = 0;
  bool blocked = false;
  std::optional<Offset> forgotten_at;  // the newest forget entry
  Offset since;                        // what that entry forgets begins here
  bool listed = false;   // what it forgets may still be in the indices (duplicates, waiting, held out, quarantine)
  bool pending = false;  // what it forgets may still be on the disk

  uint64_t Live() const { return waiting + held_out + trainable; }
  std::string Encode() const;
  static Result<SourceRecord> Decode(std::string_view bytes);
};

// Keys of the family samples.sources. The index of a source's entries (SourceUse by offset) outlives the entries.
std::string SourceKey(std::string_view source);
std::string SourceEntryKey(std::string_view source, Offset offset);
std::string PendingKey(std::string_view source);
std::string ReaderKey(std::string_view reader);
inline constexpr char kSourceKind = 's', kSourceEntryKind = 'e', kPendingKind = 'p', kReaderKind = 'r';

}  // namespace perennial::samples
