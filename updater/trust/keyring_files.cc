#include "updater/trust/keyring_files.h"

#include <algorithm>

#include "storage/base/bytes.h"
#include "updater/trust/curve.h"
#include "updater/trust/key_file.h"
#include "updater/trust/secret_bytes.h"

namespace perennial::trust {
namespace {

constexpr std::string_view kCurvePair = "perennial-curve-secret-v1";
constexpr std::string_view kCurvePublic = "perennial-curve-public-v1";
constexpr std::string_view kReleasePublic = "perennial-ed25519-public-v1";
constexpr std::string_view kNode = "perennial-node-v1";

Status InFile(const std::string& path, const Status& status) {
  return status.ok() ? status : Corruption("key file " + path + ": " + status.message());
}

}  // namespace

Status WriteCurvePair(const std::string& path, const CurveKeyPair& pair) {
  return WriteKeyFile(path, KeyFileAccess::kSecret, kCurvePair, {pair.public_z85, pair.secret_z85});
}

Result<CurveKeyPair> ReadCurvePair(const std::string& path) {
  PERENNIAL_ASSIGN_OR_RETURN(const auto words, ReadKeyFile(path, KeyFileAccess::kSecret, kCurvePair, 2));
  PERENNIAL_RETURN_IF_ERROR(InFile(path, CheckCurvePair(words[0], words[1])));
  return CurveKeyPair{words[0], words[1]};
}

Status WriteCurvePublic(const std::string& path, const std::string& public_z85) {
  return WriteKeyFile(path, KeyFileAccess::kPublic, kCurvePublic, {public_z85});
}

Result<std::string> ReadCurvePublic(const std::string& path) {
  PERENNIAL_ASSIGN_OR_RETURN(const auto words, ReadKeyFile(path, KeyFileAccess::kPublic, kCurvePublic, 1));
  PERENNIAL_RETURN_IF_ERROR(InFile(path, CheckCurvePublic(words[0])));
  return words[0];
}

Status WriteReleasePublic(const std::string& path, const PublicKey& key) {
  const std::string_view raw(reinterpret_cast<const char*>(key.bytes.data()), key.bytes.size());
  return WriteKeyFile(path, KeyFileAccess::kPublic, kReleasePublic, {Base64Encode(raw)});
}

Result<PublicKey> ReadReleasePublic(const std::string& path) {
  PERENNIAL_ASSIGN_OR_RETURN(const auto words, ReadKeyFile(path, KeyFileAccess::kPublic, kReleasePublic, 1));
  const Result<std::string> raw = Base64Decode(words[0]);
  PublicKey key;
  if (!raw.ok() || raw->size() != key.bytes.size()) return Corruption("key file " + path + ": not a 32-byte key");
  std::copy(raw->begin(), raw->end(), key.bytes.begin());
  return key;
}

Status WriteNodeKey(const std::string& path, const std::string& name, const CurveKeyPair& pair) {
  return WriteKeyFile(path, KeyFileAccess::kSecret, kNode, {name, pair.public_z85, pair.secret_z85});
}

Status ReadNodeKey(const std::string& path, NodeBundle& bundle) {
  PERENNIAL_ASSIGN_OR_RETURN(const auto words, ReadKeyFile(path, KeyFileAccess::kSecret, kNode, 3));
  PERENNIAL_RETURN_IF_ERROR(InFile(path, ValidateNodeName(words[0])));
  PERENNIAL_RETURN_IF_ERROR(InFile(path, CheckCurvePair(words[1], words[2])));
  bundle.name = words[0];
  bundle.curve = {words[1], words[2]};
  return Status::Ok();
}

}  // namespace perennial::trust
