#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "storage/base/clock.h"
#include "updater/trust/keyring.h"

namespace perennial::transport {

// The nodes that may connect: a copy of the keyring's list, read anew once a second, so that nodes are added and
// revoked under a running hub. Confined to the server's thread.
class AllowList {
 public:
  explicit AllowList(const trust::HubKeyring& keys) : keys_(keys) {}
  // Reads the folder when the copy is older than a second. A failure keeps the old copy and is logged once.
  void Refresh(SteadyTime now);
  // The name of the node with this public key. A key that is not in the copy makes it read the folder at once, so that
  // a node that was added just now gets in at its first try; strangers can make it do so ten times a second, after a
  // burst of twenty.
  std::optional<std::string> NameOf(const std::string& public_z85, SteadyTime now);
  // False for a node that was revoked after it connected.
  bool Contains(const std::string& name) const { return names_.contains(name); }

 private:
  void Read(SteadyTime now);
  bool MayReadForStranger(SteadyTime now);

  const trust::HubKeyring& keys_;
  std::map<std::string, std::string> nodes_;
  std::set<std::string> names_;
  std::optional<SteadyTime> read_at_;
  bool failed_ = false;
  SteadyTime budget_since_{};  // each read for a stranger moves it a tenth of a second towards now
};

}  // namespace perennial::transport
