#include "storage/base/bytes.h"
#include "updater/transport/node_slots.h"

namespace perennial::transport {
namespace {

constexpr uint8_t kFormatVersion = 1;
constexpr size_t kMaxRefused = 64;
constexpr size_t kMaxReasonBytes = 1024;
constexpr const char* kSlotNames[2] = {"A", "B"};
constexpr const char* kLastGood = "last_good";
constexpr const char* kNode = "node";

Hash256 ReadHash(ByteReader& in) {
  const Result<Hash256> hash = Hash256::FromBytes(in.Raw(32));
  if (!hash.ok()) in.Fail();
  return hash.ok() ? *hash : Hash256{};
}

std::string EncodeEntry(const SlotEntry& entry) {
  ByteWriter out;
  out.U8(kFormatVersion);
  out.U64(entry.version.value);
  out.U64(entry.entry.value);
  out.Raw(entry.root.View());
  out.Raw(entry.architecture.View());
  out.Raw(entry.manifest_hash.View());
  return out.Take();
}

Result<SlotEntry> DecodeEntry(std::string_view bytes) {
  ByteReader in(bytes);
  if (in.U8() != kFormatVersion) return Corruption("node slot: unknown format version");
  SlotEntry entry;
  entry.version.value = in.U64();
  entry.entry.value = in.U64();
  entry.root = ReadHash(in);
  entry.architecture = ReadHash(in);
  entry.manifest_hash = ReadHash(in);
  PERENNIAL_RETURN_IF_ERROR(in.Finish("node slot"));
  return entry;
}

std::optional<std::string> EncodeOptional(const std::optional<SlotEntry>& entry) {
  if (!entry.has_value()) return std::nullopt;
  return EncodeEntry(*entry);
}

Status ReadSlot(const versions::VersionStore& store, const char* name, std::optional<SlotEntry>& entry) {
  const std::optional<std::string> bytes = store.Slot(name);
  if (!bytes.has_value()) return Status::Ok();
  PERENNIAL_ASSIGN_OR_RETURN(entry, DecodeEntry(*bytes).WithContext(name));
  return Status::Ok();
}

}  // namespace

std::string NodeSlots::EncodeNode(const Memory& memory) {
  ByteWriter out;
  out.U8(kFormatVersion);
  out.U8(memory.active);
  out.U8(memory.on_trial ? 1 : 0);
  out.U8(memory.stopped ? 1 : 0);
  out.U32(memory.boots);
  out.U32(memory.deaths);
  out.U64(memory.death_version.value);
  out.U64(memory.fence.epoch);
  out.U64(memory.fence.revision);
  out.Varint(memory.refused.size());
  for (const RefusedVersion& refused : memory.refused) {
    out.U64(refused.version.value);
    out.Raw(refused.manifest_hash.View());
    out.Bytes(std::string_view(refused.reason).substr(0, kMaxReasonBytes));
  }
  return out.Take();
}

Status NodeSlots::DecodeNode(std::string_view bytes, Memory& memory) {
  ByteReader in(bytes);
  if (in.U8() != kFormatVersion) return Corruption("node record: unknown format version");
  memory.active = in.U8();
  if (memory.active > 1) in.Fail();
  memory.on_trial = in.U8() != 0;
  memory.stopped = in.U8() != 0;
  memory.boots = in.U32();
  memory.deaths = in.U32();
  memory.death_version.value = in.U64();
  memory.fence.epoch = in.U64();
  memory.fence.revision = in.U64();
  const uint64_t count = in.Varint();
  if (count > kMaxRefused) in.Fail();
  for (uint64_t i = 0; i < count && in.ok(); ++i) {
    RefusedVersion refused;
    refused.version.value = in.U64();
    refused.manifest_hash = ReadHash(in);
    refused.reason = in.Bytes(kMaxReasonBytes);
    memory.refused.push_back(std::move(refused));
  }
  return in.Finish("node record");
}

Status NodeSlots::WriteAll(const Memory& memory) {
  return store_->SetSlots({{kSlotNames[0], EncodeOptional(memory.slots[0])},
                           {kSlotNames[1], EncodeOptional(memory.slots[1])},
                           {kLastGood, EncodeOptional(memory.last_good)},
                           {kNode, EncodeNode(memory)}});
}

Result<NodeSlots> NodeSlots::Open(versions::VersionStore& store) {
  NodeSlots slots(store);
  Memory& memory = slots.now_;
  if (const std::optional<std::string> bytes = store.Slot(kNode)) {
    PERENNIAL_RETURN_IF_ERROR(DecodeNode(*bytes, memory));
  }
  PERENNIAL_RETURN_IF_ERROR(ReadSlot(store, kSlotNames[0], memory.slots[0]));
  PERENNIAL_RETURN_IF_ERROR(ReadSlot(store, kSlotNames[1], memory.slots[1]));
  PERENNIAL_RETURN_IF_ERROR(ReadSlot(store, kLastGood, memory.last_good));
  return slots;
}

}  // namespace perennial::transport
