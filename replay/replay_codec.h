#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "replay/example.h"
#include "replay/feature.h"
#include "replay/memory_table.h"
#include "replay/replay_options.h"
#include "storage/base/ids.h"
#include "storage/base/status.h"

namespace perennial::replay {

// How the memory lies in the store (replay_format.md).

struct Header {
  ReplayOptions::Partition partition = ReplayOptions::Partition::kLabelAndSource;
  uint64_t seen = 0;
  uint64_t next_id = 1;
  uint64_t slots = 0;
  uint64_t partitions = 0;
  uint64_t states = 0;
};
std::string EncodeHeader(const Header& header);
Result<Header> DecodeHeader(std::string_view bytes);

// The example's number, partition and position; the example itself lies under its number.
std::string EncodeSlot(const Slot& slot);
Result<Slot> DecodeSlot(std::string_view bytes);

// All but the members, which the slots know.
std::string EncodePartition(const Partition& partition);
Result<Partition> DecodePartition(std::string_view bytes);

// An encoded example. Borrows from its bytes.
struct Record {
  Offset offset;
  std::string_view text, label, source, slice;
  enum class Payload : uint8_t {
    kNone,     // no picture
    kEncoded,  // a JPEG or PNG
    kPacked    // storage/media/packed_pixels.h
  } payload_kind = Payload::kNone;
  std::string_view payload;
  // What it counts against the budget.
  uint64_t Bytes() const { return text.size() + label.size() + source.size() + slice.size() + payload.size(); }
};
std::string EncodeRecord(const Record& record);
Result<Record> DecodeRecord(std::string_view bytes);

std::string EncodeState(const ItemState& state);
Result<ItemState> DecodeState(std::string_view bytes);

std::string EncodeFeature(const Feature& feature);
Result<Feature> DecodeFeature(std::string_view bytes);

// Keys of the buffer called `prefix`.
enum class KeyKind : char {
  kExample = 'e',
  kFeature = 'f',
  kHeader = 'h',
  kState = 'l',
  kMean = 'm',
  kPartition = 'p',
  kSlot = 's'
};
std::string Key(std::string_view prefix, KeyKind kind, uint64_t number);

}  // namespace perennial::replay
