#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/hash.h"
#include "storage/base/ids.h"
#include "storage/base/status.h"
#include "storage/versions/version_store.h"
#include "updater/transport/head_tracker.h"

namespace perennial::transport {

// A version that a node holds in full. Value type.
struct SlotEntry {
  VersionId version;  // the hub's number
  VersionId entry;    // its record in the node's own version store (numbers of the node's, never reused)
  Hash256 root;
  Hash256 architecture;
  Hash256 manifest_hash;  // of the hub's signed manifest
  friend bool operator==(const SlotEntry&, const SlotEntry&) = default;
};

// A version this node will not run again, and why. Value type.
struct RefusedVersion {
  VersionId version;
  Hash256 manifest_hash;
  std::string reason;
  friend bool operator==(const RefusedVersion&, const RefusedVersion&) = default;
};

// What a node remembers over restarts: slots "A" and "B" (one holds the stable version, the other the trial's),
// "last_good" (the stable version before this one) and the record "node". Every change is one synced batch. When it
// cannot be written, steps forward (a trial, a commit) leave memory as before; steps back to safety (boot, end of a
// trial, a refusal) hold in memory and are written with the next change. Format: node_slots.md. Confined to the loader
// thread.
class NodeSlots {
 public:
  // kCorruption when a slot's bytes make no sense.
  static Result<NodeSlots> Open(versions::VersionStore& store);

  const std::optional<SlotEntry>& stable() const;
  const std::optional<SlotEntry>& last_good() const { return now_.last_good; }
  // The trial's entry while one runs.
  std::optional<SlotEntry> trial() const;
  // Every version held, stable first: bases for deltas, content that needs no download.
  std::vector<SlotEntry> Residents() const;
  HeadTracker::Fence fence() const { return now_.fence; }
  // Why the version is refused; nullptr when it is not.
  const RefusedVersion* Refused(VersionId version, const Hash256& manifest_hash) const;

  Status SaveFence(HeadTracker::Fence fence);
  Status BeginTrial(const SlotEntry& entry);
  // The trial ends without promotion; `refuse` keeps the version from being tried again.
  Status EndTrial(const std::optional<RefusedVersion>& refuse);
  // `entry` (the trial's or a new one) becomes stable, the old stable one last good.
  Status Commit(const SlotEntry& entry);
  // Takes back the Commit just made.
  Status UndoCommit();
  Status Refuse(const RefusedVersion& refused);

  // At the start of a process: counts how often it died. A version on trial when the process died twice is refused; a
  // stable version that did not come up twice is refused and gives way to the last good one.
  Status BeginBoot();
  // The stable version (or nothing) came up.
  Status EndBoot();
  // The stable version cannot be brought up: the last good one takes its place.
  Status FallBack();
  // The process ends in order: a trial that ran is not to blame.
  Status MarkStopped();

 private:
  struct Memory {
    std::optional<SlotEntry> slots[2];  // A, B
    std::optional<SlotEntry> last_good;
    uint8_t active = 0;     // which of the two is stable
    bool on_trial = false;  // the other one is on trial
    bool stopped = true;    // ended in order
    uint32_t boots = 0;     // starts since the stable version last came up
    uint32_t deaths = 0;    // of the process, with `death_version` on trial
    VersionId death_version;
    HeadTracker::Fence fence;
    std::vector<RefusedVersion> refused;  // oldest first, bounded
  };
  explicit NodeSlots(versions::VersionStore& store) : store_(&store) {}
  Status Adopt(Memory next);
  Status AdoptEvenUnsaved(Memory next);
  Status WriteAll(const Memory& memory);
  static std::string EncodeNode(const Memory& memory);
  static Status DecodeNode(std::string_view bytes, Memory& memory);
  static void AddRefused(Memory& memory, const RefusedVersion& refused);
  static void DropStable(Memory& memory);

  versions::VersionStore* store_;
  Memory now_;
  std::optional<Memory> before_commit_;
};

}  // namespace perennial::transport
