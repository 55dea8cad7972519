#include "updater/transport/node_slots.h"

#include <algorithm>

namespace perennial::transport {
namespace {

constexpr uint32_t kDeathsToRefuse = 2;
constexpr size_t kMaxRefused = 64;

}  // namespace

const std::optional<SlotEntry>& NodeSlots::stable() const { return now_.slots[now_.active]; }

std::optional<SlotEntry> NodeSlots::trial() const { return now_.on_trial ? now_.slots[1 - now_.active] : std::nullopt; }

std::vector<SlotEntry> NodeSlots::Residents() const {
  std::vector<SlotEntry> residents;
  for (const std::optional<SlotEntry>& entry : {now_.slots[now_.active], now_.slots[1 - now_.active], now_.last_good}) {
    if (entry.has_value()) residents.push_back(*entry);
  }
  return residents;
}

const RefusedVersion* NodeSlots::Refused(VersionId version, const Hash256& manifest_hash) const {
  for (const RefusedVersion& refused : now_.refused) {
    if (refused.version == version && refused.manifest_hash == manifest_hash) return &refused;
  }
  return nullptr;
}

Status NodeSlots::SaveFence(HeadTracker::Fence fence) {
  if (fence <= now_.fence) return Status::Ok();
  Memory next = now_;
  next.fence = fence;
  return Adopt(std::move(next));
}

Status NodeSlots::BeginTrial(const SlotEntry& entry) {
  Memory next = now_;
  next.slots[1 - next.active] = entry;
  next.on_trial = true;
  if (next.death_version != entry.version) next.deaths = 0;
  next.death_version = entry.version;
  return Adopt(std::move(next));
}

Status NodeSlots::EndTrial(const std::optional<RefusedVersion>& refuse) {
  Memory next = now_;
  next.slots[1 - next.active].reset();
  next.on_trial = false;
  next.deaths = 0;
  if (refuse.has_value()) AddRefused(next, *refuse);
  return AdoptEvenUnsaved(std::move(next));
}

Status NodeSlots::Commit(const SlotEntry& entry) {
  Memory next = now_;
  if (next.slots[next.active].has_value()) next.last_good = next.slots[next.active];
  next.active = static_cast<uint8_t>(1 - next.active);
  next.slots[next.active] = entry;
  next.on_trial = false;
  next.deaths = 0;
  Memory before = now_;
  PERENNIAL_RETURN_IF_ERROR(Adopt(std::move(next)));
  before_commit_ = std::move(before);
  return Status::Ok();
}

Status NodeSlots::UndoCommit() {
  if (!before_commit_.has_value()) return FailedPrecondition("no commit to take back");
  return Adopt(*before_commit_);
}

Status NodeSlots::Refuse(const RefusedVersion& refused) {
  Memory next = now_;
  AddRefused(next, refused);
  return AdoptEvenUnsaved(std::move(next));
}

Status NodeSlots::BeginBoot() {
  Memory next = now_;
  if (next.on_trial && !next.stopped && next.slots[1 - next.active].has_value()) {
    const SlotEntry& tried = *next.slots[1 - next.active];
    if (++next.deaths >= kDeathsToRefuse) {
      AddRefused(next, {tried.version, tried.manifest_hash, "the process died twice while it was on trial"});
      next.deaths = 0;
    }
  }
  // The entry stays resident: when HEAD still wants the trial it goes on without a download.
  next.on_trial = false;
  next.stopped = false;
  if (next.slots[next.active].has_value() && ++next.boots > kDeathsToRefuse && next.last_good.has_value()) {
    const SlotEntry& failed = *next.slots[next.active];
    AddRefused(next, {failed.version, failed.manifest_hash, "the process died twice while starting with it"});
    DropStable(next);
  }
  return AdoptEvenUnsaved(std::move(next));
}

Status NodeSlots::EndBoot() {
  Memory next = now_;
  next.boots = 0;
  return AdoptEvenUnsaved(std::move(next));
}

Status NodeSlots::FallBack() {
  Memory next = now_;
  DropStable(next);
  return AdoptEvenUnsaved(std::move(next));
}

Status NodeSlots::MarkStopped() {
  Memory next = now_;
  next.stopped = true;
  return Adopt(std::move(next));
}

void NodeSlots::AddRefused(Memory& memory, const RefusedVersion& refused) {
  const auto same = [&refused](const RefusedVersion& other) {
    return other.version == refused.version && other.manifest_hash == refused.manifest_hash;
  };
  std::erase_if(memory.refused, same);
  memory.refused.push_back(refused);
  if (memory.refused.size() > kMaxRefused) memory.refused.erase(memory.refused.begin());
}

void NodeSlots::DropStable(Memory& memory) {
  memory.slots[memory.active] = memory.last_good;
  memory.last_good.reset();
  memory.boots = 0;
}

Status NodeSlots::Adopt(Memory next) {
  PERENNIAL_RETURN_IF_ERROR(WriteAll(next).WithContext("store the node's slots"));
  now_ = std::move(next);
  before_commit_.reset();
  return Status::Ok();
}

Status NodeSlots::AdoptEvenUnsaved(Memory next) {
  Status written = WriteAll(next).WithContext("store the node's slots");
  now_ = std::move(next);
  before_commit_.reset();
  return written;
}

}  // namespace perennial::transport
