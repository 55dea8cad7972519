#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "storage/base/ids.h"
#include "storage/base/status.h"
#include "storage/samples/sample_log.h"
#include "storage/versions/version_store.h"
#include "updater/rollout.h"
#include "updater/update_server.h"

namespace perennial::api {

// A version that has learned from samples that are to be forgotten. Value type.
struct TaintedVersion {
  VersionId version;
  std::string fate;
  bool head_only = false;
  uint64_t trained_until = 0;
  uint64_t network_samples = 0;  // of the source, that its network was trained on
  uint64_t head_samples = 0;     // that its instant head knows, if it has one; 0 once they were taken out
  Offset first, last;            // of the log entries of these samples
  bool stable = false, on_trial = false;
  std::vector<std::string> nodes;  // that answer with it, as they reported last
  bool Live() const { return stable || on_trial || !nodes.empty(); }
};

// Which versions have learned from what was forgotten of a source, by how far each had read the log: an entry of the
// source that was trainable and lies before a version's place is in it. (Of those that waited for their batch when the
// forget entry came, fewer than a batch, none was trained on; they count as if they were.) `offsets`: the trainable
// entries before `forgotten_at`, ascending. Pure.
std::vector<TaintedVersion> VersionsThatLearned(const std::vector<Offset>& offsets, Offset forgotten_at,
                                                const std::vector<versions::VersionRecord>& records,
                                                const updater::RolloutState& rollout,
                                                const std::vector<updater::NodeStatus>& nodes);

// The counts of a source as JSON.
std::string SourceJson(const samples::SourceInfo& source);
// The whole report as JSON: what is erased, who is waited for, which versions have learned from it, what their networks
// still hold, and what to do next. REQUIRES source.forgotten_at.
std::string ForgottenJson(const samples::SourceInfo& source, const std::vector<samples::ReaderInfo>& readers,
                          const std::vector<TaintedVersion>& versions);

}  // namespace perennial::api
