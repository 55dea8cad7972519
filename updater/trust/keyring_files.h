#pragma once

#include <string>

#include "storage/base/status.h"
#include "updater/trust/keyring.h"

// Where keys lie inside a hub's key folder and a node's bundle, and the reading and writing of each file.
namespace perennial::trust {

struct HubFiles {
  std::string folder;
  std::string ReleaseKey() const { return folder + "/release.key"; }
  std::string CurveKey() const { return folder + "/curve.key"; }
  std::string Nodes() const { return folder + "/nodes"; }
  std::string Node(const std::string& name) const { return Nodes() + "/" + name + ".pub"; }
};

struct BundleFiles {
  std::string folder;
  std::string NodeKey() const { return folder + "/node.key"; }
  std::string HubCurve() const { return folder + "/hub.pub"; }
  std::string ReleasePublic() const { return folder + "/release.pub"; }
};

Status WriteCurvePair(const std::string& path, const CurveKeyPair& pair);
Result<CurveKeyPair> ReadCurvePair(const std::string& path);
Status WriteCurvePublic(const std::string& path, const std::string& public_z85);
Result<std::string> ReadCurvePublic(const std::string& path);
Status WriteReleasePublic(const std::string& path, const PublicKey& key);
Result<PublicKey> ReadReleasePublic(const std::string& path);
Status WriteNodeKey(const std::string& path, const std::string& name, const CurveKeyPair& pair);
// Fills name and curve.
Status ReadNodeKey(const std::string& path, NodeBundle& bundle);

}  // namespace perennial::trust
