#include "updater/transport/head_maker.h"

namespace perennial::transport {
namespace {

constexpr std::string_view kDefaultModel = "default";  // before the first version there is no manifest to ask

}  // namespace

Status HeadMaker::Learn(VersionId version, Known& known) const {
  if (version == known.version) return Status::Ok();
  if (version.value == 0) {
    known = {};
    return Status::Ok();
  }
  PERENNIAL_ASSIGN_OR_RETURN(const versions::VersionRecord record, store_.Get(version));
  known = {version, record.manifest.model_id, record.signed_manifest.Hash()};
  return Status::Ok();
}

Result<std::string> HeadMaker::Make(const updater::RolloutState& state) {
  PERENNIAL_RETURN_IF_ERROR(Learn(state.stable, stable_));
  PERENNIAL_RETURN_IF_ERROR(Learn(state.candidate, candidate_));
  Head head;
  head.model_id = stable_.model_id.empty() ? std::string(kDefaultModel) : stable_.model_id;
  head.rollout = state;
  head.stable_manifest = stable_.manifest;
  head.candidate_manifest = candidate_.manifest;
  head.sequence = ++sequence_;
  head.heartbeat_ms = static_cast<uint32_t>(std::chrono::duration_cast<std::chrono::milliseconds>(heartbeat_).count());
  head.created_us = clock_.WallMicros();
  head.expires_us = head.created_us + std::chrono::duration_cast<std::chrono::microseconds>(lifetime_).count();
  return SignHead(head, signer_);
}

}  // namespace perennial::transport
