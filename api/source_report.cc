#include "api/source_report.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

namespace perennial::api {
namespace {

using nlohmann::ordered_json;

std::string Text(const ordered_json& answer) {
  return answer.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

// What a version's report says of how far it had come; 0 in reports of older builds.
struct Reach {
  bool head_only = false;
  bool trained_anew = false;
  uint64_t read_until = 0;
  uint64_t forgotten_until = 0;
};

Reach ReachOf(const versions::VersionRecord& record) {
  const auto report = nlohmann::json::parse(record.report_json, nullptr, false);
  const auto number = [&](const char* key) {
    const auto at = report.find(key);
    return at != report.end() && at->is_number_unsigned() ? at->get<uint64_t>() : 0;
  };
  Reach reach;
  if (!report.is_object()) return reach;
  const auto is = [&](const char* key) {
    const auto at = report.find(key);
    return at != report.end() && at->is_boolean() && at->get<bool>();
  };
  reach.head_only = is("head_only");
  reach.trained_anew = is("trained_anew");
  reach.read_until = number("read_until");
  reach.forgotten_until = number("forgotten_until");
  return reach;
}

ordered_json VersionJson(const TaintedVersion& version) {
  return {{"version", version.version.value},
          {"fate", version.fate},
          {"head_only", version.head_only},
          {"trained_until", version.trained_until},
          {"network_samples", version.network_samples},
          {"head_samples", version.head_samples},
          {"first_offset", version.first.value},
          {"last_offset", version.last.value},
          {"live", version.Live()},
          {"nodes", version.nodes}};
}

std::string Count(uint64_t count, const std::string& what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

// In words: what forgetting cannot reach.
std::string WhatNetworksHold(const std::vector<TaintedVersion>& versions) {
  uint64_t most = 0;
  for (const TaintedVersion& version : versions) most = std::max(most, version.network_samples);
  if (most == 0) return "No published network was trained on samples of this source.";
  return "Networks were trained on up to " + Count(most, "sample") +
         " of this source. Weights cannot be told from the samples that made them: the versions listed here, and every "
         "version that the same network makes from here on, keep what they learned, though no sample, memory or "
         "statistic of the source is left.";
}

std::vector<std::string> WhatToDo(const samples::SourceInfo& source, const std::vector<std::string>& waiting_for,
                                  const std::vector<TaintedVersion>& versions) {
  std::vector<std::string> steps;
  for (const std::string& trainer : waiting_for) {
    steps.push_back("Nothing is erased from the disk before trainer '" + trainer + "' has read the log up to entry " +
                    source.forgotten_at->ToString() +
                    " and saved; if it is paused or failed, resume it (perennial resume).");
  }
  if (source.erasing && waiting_for.empty()) {
    steps.emplace_back(
        "The erasure is under way, or has failed (the hub's log says erasing_failed, and why). Ask again in a while; "
        "perennial source forget tries it once more.");
  }
  const auto has_head = [](const TaintedVersion& version) { return version.Live() && version.head_samples > 0; };
  if (std::any_of(versions.begin(), versions.end(), has_head)) {
    steps.emplace_back(
        "A live version was made before the trainer let go: its instant head, if it has one, still answers from the "
        "source. The trainer offers a new version by itself, which has to pass the gate (perennial evaluations tells); "
        "perennial publish asks for one now.");
  }
  if (!versions.empty()) {
    steps.emplace_back(
        "Do not roll back to a version listed with head_samples. Its content goes from the hub as newer ones are "
        "published, and from a node's slots as it takes them.");
    steps.emplace_back(
        "To be rid of what the network learned, train anew without the source: start a hub on an empty data folder, "
        "feed it the other sources, and move the nodes there.");
  }
  return steps;
}

}  // namespace

std::vector<TaintedVersion> VersionsThatLearned(const std::vector<Offset>& offsets, Offset forgotten_at,
                                                const std::vector<versions::VersionRecord>& records,
                                                const updater::RolloutState& rollout,
                                                const std::vector<updater::NodeStatus>& nodes) {
  const auto before = [&](uint64_t until) {
    return static_cast<uint64_t>(std::lower_bound(offsets.begin(), offsets.end(), Offset{until}) - offsets.begin());
  };
  std::vector<TaintedVersion> tainted;
  // By version, how far its network had read. A version of the head alone has the network of the one that was stable
  // then, the newest before it that was not rolled back; where an older one's content was published again, of that one.
  std::map<VersionId, uint64_t> networks;
  uint64_t before_it = 0;
  for (const versions::VersionRecord& record : records) {
    const Reach reach = ReachOf(record);
    TaintedVersion version;
    version.version = record.manifest.version;
    version.fate = versions::FateName(record.fate);
    version.head_only = reach.head_only;
    version.trained_until = record.manifest.trained_until;
    const bool let_go = reach.forgotten_until > forgotten_at.value;
    const uint64_t read_until = std::max(version.trained_until, reach.read_until);
    uint64_t network_until = reach.trained_anew && let_go ? 0 : read_until;
    if (reach.head_only) {
      const auto parent = networks.find(record.manifest.parent);
      network_until = std::max(before_it, parent == networks.end() ? 0 : parent->second);
    }
    networks[version.version] = network_until;
    using Fate = versions::VersionFate;
    if (record.fate != Fate::kRolledBack && record.fate != Fate::kRefused) before_it = network_until;
    version.network_samples = before(network_until);
    if (!let_go) version.head_samples = before(read_until);
    const uint64_t seen = std::max(version.network_samples, version.head_samples);
    if (seen == 0) continue;
    version.first = offsets.front();
    version.last = offsets[seen - 1];
    version.stable = version.version == rollout.stable;
    version.on_trial = version.version == rollout.candidate;
    for (const updater::NodeStatus& node : nodes) {
      if (node.stable == version.version || node.candidate == version.version) version.nodes.push_back(node.name);
    }
    tainted.push_back(std::move(version));
  }
  return tainted;
}

std::string SourceJson(const samples::SourceInfo& source) {
  ordered_json json = {{"source", source.source},
                       {"samples", source.samples},
                       {"trainable", source.trainable},
                       {"held_out", source.held_out},
                       {"waiting_for_label", source.waiting_for_label},
                       {"forgotten", source.forgotten},
                       {"forgotten_at", nullptr},
                       {"erasing", source.erasing},
                       {"blocked", source.blocked}};
  if (source.forgotten_at) json["forgotten_at"] = source.forgotten_at->value;
  return Text(json);
}

std::string ForgottenJson(const samples::SourceInfo& source, const std::vector<samples::ReaderInfo>& readers,
                          const std::vector<TaintedVersion>& versions) {
  std::vector<std::string> waiting_for;
  for (const samples::ReaderInfo& reader : readers) {
    if (source.erasing && reader.done <= *source.forgotten_at) waiting_for.push_back(reader.reader);
  }
  ordered_json answer = {{"source", ordered_json::parse(SourceJson(source))},
                         {"waiting_for", waiting_for},
                         {"versions", ordered_json::array()},
                         {"networks_hold", WhatNetworksHold(versions)},
                         {"next", WhatToDo(source, waiting_for, versions)}};
  for (const TaintedVersion& version : versions) answer["versions"].push_back(VersionJson(version));
  return Text(answer);
}

}  // namespace perennial::api
