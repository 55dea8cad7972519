#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/cli/context.h"
#include "storage/sources/simulator.h"

// The commands, one file each. Every one returns the program's exit code.
namespace perennial::cli {

int RunStatus(Context& context);
// The list, or one version with its report.
int RunVersions(Context& context, std::optional<uint64_t> version, uint64_t limit);
// The held-out samples that a version's predecessor had right and it gets wrong.
int RunFlips(Context& context, uint64_t version);
int RunNodes(Context& context);
int RunEvaluations(Context& context, uint64_t limit);
int RunCompare(Context& context);

int RunPromote(Context& context, const std::string& why);
int RunAbort(Context& context, const std::string& why);
int RunRollback(Context& context, uint64_t to, const std::string& why);
int RunRolloutPause(Context& context, bool paused);
int RunRolloutWeight(Context& context, uint64_t permille);
// "pause", "resume", "checkpoint" or "publish".
int RunTrainer(Context& context, const std::string& action);

int RunQuarantineList(Context& context, uint64_t after, uint64_t limit);
int RunQuarantineDrop(Context& context, const std::vector<uint64_t>& ids, bool all);
int RunSourceList(Context& context, const std::string& after, uint64_t limit);
// Asks before; `block` also refuses what the source sends later.
int RunSourceForget(Context& context, const std::string& source, bool block);
// How far it is forgotten, and which versions have learned from it.
int RunSourceShow(Context& context, const std::string& source);
int RunSourceUnblock(Context& context, const std::string& source);
int RunFeedback(Context& context, const std::string& request_id, const std::string& label);
int RunLabel(Context& context, const std::string& source, const std::string& id, const std::string& label);

int RunKeysInit(Context& context, const std::string& folder);
int RunKeysAddNode(Context& context, const std::string& folder, const std::string& name, const std::string& bundle);
int RunKeysRevoke(Context& context, const std::string& folder, const std::string& name);

struct GenerateOptions {
  std::string path;
  std::string layout = "folder";  // or "tar"
  sources::SimulatorOptions simulator;
};
int RunGenerate(Context& context, const GenerateOptions& options);

struct DoctorOptions {
  std::string data = ".";           // folder that the hub or edge will write to
  std::vector<int> ports = {8080};  // that should be free
};
int RunDoctor(Context& context, const DoctorOptions& options);

struct FeedOptions {
  std::string path;
  std::string slices;  // file; empty: slices.toml beside the data
  std::string text_field, label_field, slice_field, source;
  bool order = true;
  uint64_t limit = 0;  // 0: all
  double rate = 0;     // samples a second; 0: as fast as the hub takes them
  bool resume = false;
  bool flush = true;
  std::string state_folder;  // empty: StateFolder()
};
int RunFeed(Context& context, const FeedOptions& options);

}  // namespace perennial::cli
