#include "updater/transport/head.h"

#include <algorithm>

#include "storage/base/bytes.h"

namespace perennial::transport {
namespace {

constexpr std::string_view kMagic = "PHD1";
constexpr size_t kMaxModelIdBytes = 64;
constexpr size_t kKeyIdBytes = 8;
constexpr size_t kSignatureBytes = 64;

Hash256 ReadHash(ByteReader& in) {
  Hash256 hash;
  const std::string_view raw = in.Raw(hash.bytes.size());
  if (in.ok()) std::copy(raw.begin(), raw.end(), hash.bytes.begin());
  return hash;
}

}  // namespace

bool Head::SameOrders(const Head& other) const {
  return model_id == other.model_id && rollout == other.rollout && stable_manifest == other.stable_manifest &&
         candidate_manifest == other.candidate_manifest;
}

std::string Head::Encode() const {
  ByteWriter out;
  out.Raw(kMagic);
  out.Bytes(std::string_view(model_id).substr(0, kMaxModelIdBytes));
  out.U64(rollout.epoch);
  out.U64(rollout.revision);
  out.U64(rollout.stable.value);
  out.U64(rollout.candidate.value);
  out.U32(rollout.weight_permille);
  out.U8(rollout.paused ? 1 : 0);
  out.Raw(stable_manifest.View());
  out.Raw(candidate_manifest.View());
  out.U64(sequence);
  out.U32(heartbeat_ms);
  out.I64(created_us);
  out.I64(expires_us);
  return out.Take();
}

Result<Head> Head::Decode(std::string_view bytes) {
  ByteReader in(bytes);
  if (in.Raw(kMagic.size()) != kMagic) return Corruption("HEAD: unknown format version");
  Head head;
  head.model_id = in.Bytes(kMaxModelIdBytes);
  head.rollout.epoch = in.U64();
  head.rollout.revision = in.U64();
  head.rollout.stable.value = in.U64();
  head.rollout.candidate.value = in.U64();
  head.rollout.weight_permille = in.U32();
  const uint8_t paused = in.U8();
  if (paused > 1 || head.rollout.weight_permille > 1000) in.Fail();
  head.rollout.paused = paused == 1;
  head.stable_manifest = ReadHash(in);
  head.candidate_manifest = ReadHash(in);
  head.sequence = in.U64();
  head.heartbeat_ms = in.U32();
  head.created_us = in.I64();
  head.expires_us = in.I64();
  PERENNIAL_RETURN_IF_ERROR(in.Finish("HEAD"));
  return head;
}

std::string SignHead(const Head& head, const trust::Signer& signer) {
  std::string bytes = head.Encode();
  const std::string signature = signer.Sign(trust::kHeadContext, bytes);
  return bytes + signer.public_key().Id() + signature;
}

Result<Head> OpenHead(std::string_view signed_head, const trust::Verifier& verifier) {
  constexpr size_t kTail = kKeyIdBytes + kSignatureBytes;
  if (signed_head.size() <= kTail) return Corruption("HEAD: shorter than its signature");
  const std::string_view bytes = signed_head.substr(0, signed_head.size() - kTail);
  const std::string_view key_id = signed_head.substr(bytes.size(), kKeyIdBytes);
  const std::string_view signature = signed_head.substr(bytes.size() + kKeyIdBytes);
  if (!verifier.VerifyOne(trust::kHeadContext, bytes, key_id, signature)) {
    return PermissionDenied("HEAD is not signed by the release key this node trusts",
                            "check that the node's bundle comes from this hub");
  }
  return Head::Decode(bytes);
}

}  // namespace perennial::transport
