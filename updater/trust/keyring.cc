#include "updater/trust/keyring.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "storage/base/env.h"
#include "updater/trust/keyring_files.h"

namespace perennial::trust {
namespace {

namespace fs = std::filesystem;

bool Exists(const std::string& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

// A folder that only its owner may enter. One that was there before keeps its mode: it may hold other things.
Status MakePrivateFolder(const std::string& path) {
  if (Exists(path)) return Status::Ok();
  PERENNIAL_RETURN_IF_ERROR(Env::Posix().CreateDirectories(path));
  std::error_code error;
  fs::permissions(path, fs::perms::owner_all, error);
  if (error) return IoError("chmod 700 " + path + ": " + error.message());
  return Status::Ok();
}

}  // namespace

Status ValidateNodeName(std::string_view name) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  const bool good =
      !name.empty() && name.size() <= 64 && plain(name[0]) &&
      std::all_of(name.begin(), name.end(), [&](char c) { return plain(c) || c == '.' || c == '_' || c == '-'; });
  if (good) return Status::Ok();
  return InvalidArgument(
      "a node's name must be 1 to 64 of a-z, 0-9, '.', '_' and '-', starting with a letter or digit");
}

Status HubKeyring::Init(const std::string& folder) {
  const HubFiles files{folder};
  // The release key is written last: a CURVE key without one is what a crash left of an earlier call, and nobody has used it.
  if (Exists(files.ReleaseKey())) {
    return Status(Code::kAlreadyExists, "there are keys in " + folder, "use them, or choose another folder");
  }
  PERENNIAL_RETURN_IF_ERROR(MakePrivateFolder(folder));
  PERENNIAL_RETURN_IF_ERROR(Env::Posix().CreateDirectories(files.Nodes()));
  PERENNIAL_RETURN_IF_ERROR(WriteCurvePair(files.CurveKey(), GenerateCurve()));
  return Signer::Generate()->Save(files.ReleaseKey());
}

Result<std::unique_ptr<HubKeyring>> HubKeyring::Load(const std::string& folder) {
  const HubFiles files{folder};
  if (!Exists(files.ReleaseKey())) {
    return NotFound("no keys in " + folder, "make them with: perennial keys init");
  }
  auto keyring = std::make_unique<HubKeyring>();
  keyring->folder_ = folder;
  PERENNIAL_ASSIGN_OR_RETURN(keyring->signer_, Signer::Load(files.ReleaseKey()));
  PERENNIAL_ASSIGN_OR_RETURN(keyring->curve_, ReadCurvePair(files.CurveKey()));
  return keyring;
}

Status HubKeyring::AddNode(const std::string& folder, const std::string& name, const std::string& bundle_folder) {
  PERENNIAL_RETURN_IF_ERROR(ValidateNodeName(name));
  PERENNIAL_ASSIGN_OR_RETURN(const std::unique_ptr<HubKeyring> hub, Load(folder));
  const HubFiles files{folder};
  const BundleFiles bundle{bundle_folder};
  if (Exists(files.Node(name))) {
    return Status(Code::kAlreadyExists, "node " + name + " has a key", "revoke it first, or choose another name");
  }
  if (Exists(bundle.NodeKey())) {
    return Status(Code::kAlreadyExists, "there is a node key in " + bundle_folder, "choose another folder");
  }
  const CurveKeyPair pair = GenerateCurve();
  PERENNIAL_RETURN_IF_ERROR(MakePrivateFolder(bundle_folder));
  PERENNIAL_RETURN_IF_ERROR(WriteCurvePublic(bundle.HubCurve(), hub->curve().public_z85));
  PERENNIAL_RETURN_IF_ERROR(WriteReleasePublic(bundle.ReleasePublic(), hub->signer().public_key()));
  PERENNIAL_RETURN_IF_ERROR(WriteNodeKey(bundle.NodeKey(), name, pair));
  // Last: a crash before this line leaves a bundle that nobody trusts.
  PERENNIAL_RETURN_IF_ERROR(Env::Posix().CreateDirectories(files.Nodes()));
  return WriteCurvePublic(files.Node(name), pair.public_z85);
}

Status HubKeyring::RevokeNode(const std::string& folder, const std::string& name) {
  PERENNIAL_RETURN_IF_ERROR(ValidateNodeName(name));
  const HubFiles files{folder};
  std::error_code error;
  if (!fs::remove(files.Node(name), error)) {
    if (error) return IoError("revoke " + name + ": " + error.message());
    return NotFound("there is no node " + name, "list the nodes to see which there are");
  }
  // On disk before we say so: a revoked node must not come back with the power.
  const int nodes = ::open(files.Nodes().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = nodes >= 0 && ::fsync(nodes) == 0;
  if (nodes >= 0) ::close(nodes);
  return synced ? Status::Ok() : IoError("revoke " + name + ": could not sync " + files.Nodes());
}

Result<std::map<std::string, std::string>> HubKeyring::AllowedNodes() const {
  std::map<std::string, std::string> nodes;
  std::error_code error;
  fs::directory_iterator entry(HubFiles{folder_}.Nodes(), error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    if (entry->path().extension() != ".pub") continue;
    const std::string name = entry->path().stem().string();
    if (!ValidateNodeName(name).ok()) continue;
    Result<std::string> key = ReadCurvePublic(entry->path().string());
    // Revoked between the listing and the reading.
    if (key.status().code() == Code::kNotFound) continue;
    if (!key.ok()) return key.status();
    nodes.emplace(std::move(*key), name);
  }
  if (error) return IoError("read the allowed nodes in " + folder_ + ": " + error.message());
  return nodes;
}

Result<NodeBundle> NodeBundle::Load(const std::string& folder) {
  const BundleFiles files{folder};
  if (!Exists(files.NodeKey())) {
    return NotFound("no node key in " + folder, "make a bundle on the hub with: perennial keys add-node");
  }
  NodeBundle bundle;
  PERENNIAL_RETURN_IF_ERROR(ReadNodeKey(files.NodeKey(), bundle));
  PERENNIAL_ASSIGN_OR_RETURN(bundle.hub_curve_public_z85, ReadCurvePublic(files.HubCurve()));
  PERENNIAL_ASSIGN_OR_RETURN(bundle.release_key, ReadReleasePublic(files.ReleasePublic()));
  return bundle;
}

}  // namespace perennial::trust
