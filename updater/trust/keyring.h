#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "storage/base/status.h"
#include "updater/trust/signer.h"

namespace perennial::trust {

// A CURVE (Curve25519) key pair in ZeroMQ's Z85 text form, 40 characters each.
struct CurveKeyPair {
  std::string public_z85;
  std::string secret_z85;
};
CurveKeyPair GenerateCurve();

// The hub's keys in a folder: release.key (Ed25519, 0600), curve.key (0600), nodes/NAME.pub (the allow-list).
class HubKeyring {
 public:
  // Makes the folder and new keys. kAlreadyExists when there are some.
  static Status Init(const std::string& folder);
  static Result<std::unique_ptr<HubKeyring>> Load(const std::string& folder);
  // Makes a node's key pair, allows it, and writes what the node needs into `bundle_folder`: node.key (0600), hub.pub
  // (the hub's CURVE key) and release.pub (Ed25519 key). The running hub picks the new node up within a second.
  static Status AddNode(const std::string& folder, const std::string& name, const std::string& bundle_folder);
  static Status RevokeNode(const std::string& folder, const std::string& name);

  const Signer& signer() const { return *signer_; }
  const CurveKeyPair& curve() const { return curve_; }
  // Allowed nodes: public key (Z85) -> name, read anew from the folder.
  Result<std::map<std::string, std::string>> AllowedNodes() const;

 private:
  std::string folder_;
  std::unique_ptr<Signer> signer_;
  CurveKeyPair curve_;
};

// What `AddNode` wrote, on the node's side.
struct NodeBundle {
  std::string name;
  CurveKeyPair curve;
  std::string hub_curve_public_z85;
  PublicKey release_key;
  static Result<NodeBundle> Load(const std::string& folder);
};

// Node names: 1 to 64 of [a-z0-9._-], starting with a letter or digit.
Status ValidateNodeName(std::string_view name);

}  // namespace perennial::trust
