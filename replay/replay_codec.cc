#include "replay/replay_codec.h"

#include "storage/base/bytes.h"

namespace perennial::replay {
namespace {
constexpr uint8_t kRecordVersion = 2;
constexpr uint8_t kRecordAsSentOnly = 1;
constexpr uint8_t kHeaderVersion = 2;
constexpr uint8_t kHeaderWithoutStates = 1;
constexpr uint8_t kStateVersion = 1;
}  // namespace

std::string EncodeHeader(const Header& header) {
  ByteWriter out;
  out.U8(kHeaderVersion);
  out.U8(static_cast<uint8_t>(header.partition));
  for (const uint64_t n : {header.seen, header.next_id, header.slots, header.partitions, header.states}) out.Varint(n);
  return out.Take();
}

Result<Header> DecodeHeader(std::string_view bytes) {
  ByteReader in(bytes);
  const uint8_t version = in.U8();
  if (version != kHeaderVersion && version != kHeaderWithoutStates) {
    return Corruption("replay header: unknown format version",
                      "a newer Perennial wrote it; start that one, or start with an empty data folder");
  }
  const uint8_t partition = in.U8();
  if (partition > static_cast<uint8_t>(ReplayOptions::Partition::kLabelAndSlice)) {
    return Corruption("replay header: unknown partition rule");
  }
  Header header;
  header.partition = static_cast<ReplayOptions::Partition>(partition);
  for (uint64_t* n : {&header.seen, &header.next_id, &header.slots, &header.partitions}) *n = in.Varint();
  if (version != kHeaderWithoutStates) header.states = in.Varint();
  PERENNIAL_RETURN_IF_ERROR(in.Finish("replay header"));
  return header;
}

std::string EncodeSlot(const Slot& slot) {
  ByteWriter out;
  out.Varint(slot.id);
  out.Varint(slot.partition);
  out.Varint(slot.position);
  return out.Take();
}

Result<Slot> DecodeSlot(std::string_view bytes) {
  ByteReader in(bytes);
  Slot slot;
  slot.id = in.Varint();
  const uint64_t partition = in.Varint();
  const uint64_t position = in.Varint();
  if (partition > UINT32_MAX || position > UINT32_MAX) in.Fail();
  PERENNIAL_RETURN_IF_ERROR(in.Finish("replay slot"));
  slot.partition = static_cast<uint32_t>(partition);
  slot.position = static_cast<uint32_t>(position);
  return slot;
}

std::string EncodePartition(const Partition& partition) {
  ByteWriter out;
  out.Bytes(partition.key);
  out.Varint(partition.seen);
  out.U8(partition.was_largest ? 1 : 0);
  out.Varint(partition.bucket_position);
  return out.Take();
}

Result<Partition> DecodePartition(std::string_view bytes) {
  ByteReader in(bytes);
  Partition partition;
  partition.key = in.Bytes();
  partition.seen = in.Varint();
  const uint8_t was_largest = in.U8();
  const uint64_t position = in.Varint();
  if (was_largest > 1 || position > UINT32_MAX) in.Fail();
  PERENNIAL_RETURN_IF_ERROR(in.Finish("replay partition"));
  partition.was_largest = was_largest == 1;
  partition.bucket_position = static_cast<uint32_t>(position);
  return partition;
}

std::string EncodeRecord(const Record& record) {
  ByteWriter out;
  out.U8(kRecordVersion);
  out.Varint(record.offset.value);
  for (const std::string_view text : {record.text, record.label, record.source, record.slice}) out.Bytes(text);
  out.U8(static_cast<uint8_t>(record.payload_kind));
  out.Raw(record.payload);
  return out.Take();
}

Result<Record> DecodeRecord(std::string_view bytes) {
  ByteReader in(bytes);
  const uint8_t version = in.U8();
  if (version != kRecordVersion && version != kRecordAsSentOnly) {
    return Corruption("replay example: unknown format version");
  }
  Record record;
  record.offset.value = in.Varint();
  for (std::string_view* text : {&record.text, &record.label, &record.source, &record.slice}) *text = in.Bytes();
  if (version == kRecordAsSentOnly) {
    record.payload = in.Bytes();
    record.payload_kind = record.payload.empty() ? Record::Payload::kNone : Record::Payload::kEncoded;
  } else {
    const uint8_t kind = in.U8();
    record.payload = in.Raw(in.remaining());
    if (kind > static_cast<uint8_t>(Record::Payload::kPacked) || (kind == 0) != record.payload.empty()) in.Fail();
    record.payload_kind = static_cast<Record::Payload>(kind);
  }
  PERENNIAL_RETURN_IF_ERROR(in.Finish("replay example"));
  return record;
}

std::string EncodeState(const ItemState& state) {
  ByteWriter out;
  out.U8(kStateVersion);
  out.F32(state.loss);
  out.Varint(state.logits.size());
  for (const uint16_t half : state.logits) out.U16(half);
  return out.Take();
}

Result<ItemState> DecodeState(std::string_view bytes) {
  ByteReader in(bytes);
  if (in.U8() != kStateVersion) return Corruption("replay state: unknown format version");
  ItemState state;
  state.loss = in.F32();
  const uint64_t count = in.Varint();
  if (count > in.remaining() / 2) in.Fail();
  for (uint64_t i = 0; i < count && in.ok(); ++i) state.logits.push_back(in.U16());
  PERENNIAL_RETURN_IF_ERROR(in.Finish("replay state"));
  return state;
}

std::string EncodeFeature(const Feature& feature) {
  return {reinterpret_cast<const char*>(feature.data()), feature.size()};
}

Result<Feature> DecodeFeature(std::string_view bytes) {
  Feature feature{};
  if (bytes.size() != feature.size()) return Corruption("replay feature: " + std::to_string(bytes.size()) + " bytes");
  for (size_t i = 0; i < feature.size(); ++i) feature[i] = static_cast<int8_t>(bytes[i]);
  return feature;
}

std::string Key(std::string_view prefix, KeyKind kind, uint64_t number) {
  ByteWriter key;
  key.Bytes(prefix);
  key.U8(static_cast<uint8_t>(kind));
  key.Raw(BigEndian64(number));
  return key.Take();
}

}  // namespace perennial::replay
