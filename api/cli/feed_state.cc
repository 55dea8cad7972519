#include "api/cli/feed_state.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <vector>

#include "storage/base/env.h"
#include "storage/base/hash.h"

namespace perennial::cli {
namespace fs = std::filesystem;
namespace {

constexpr uint64_t kMaxStateBytes = 1u << 16;

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string Describe(const fs::path& root, const fs::directory_entry& entry) {
  std::error_code error;
  std::string line = entry.path().lexically_relative(root).string();
  line.append("\n").append(std::to_string(entry.is_regular_file(error) ? entry.file_size(error) : 0));
  line.append("\n").append(std::to_string(entry.last_write_time(error).time_since_epoch().count()));
  return line;
}

}  // namespace

std::string StateFolder() {
  const std::string state = Environment("XDG_STATE_HOME");
  if (!state.empty()) return state + "/perennial";
  const std::string home = Environment("HOME");
  return (home.empty() ? fs::temp_directory_path().string() : home + "/.local/state") + "/perennial";
}

std::string StatePath(const std::string& folder, const FeedState& state) {
  return folder + "/feed-" + Sha256(state.path + "\n" + state.hub).Short() + ".json";
}

Result<std::string> FingerprintData(const std::string& path, const std::string& options) {
  std::vector<std::string> lines;
  std::error_code error;
  const fs::directory_entry root(path, error);
  if (error || !root.exists(error)) return NotFound("'" + path + "' does not exist", "check the path");
  lines.push_back(Describe(path, root));
  if (root.is_directory(error)) {
    for (fs::recursive_directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
      lines.push_back(Describe(path, *it));
    }
  }
  if (error) return IoError("list '" + path + "': " + error.message());
  std::sort(lines.begin(), lines.end());
  Sha256Stream hash;
  hash.Update(options);
  for (const std::string& line : lines) hash.Update(std::string("\n") + line);
  return hash.Finish().Hex();
}

Result<std::optional<FeedState>> LoadFeedState(const std::string& file) {
  const auto text = Env::Posix().ReadFile(file, kMaxStateBytes);
  if (!text.ok()) {
    if (text.status().code() == Code::kNotFound) return std::optional<FeedState>();
    return text.status();
  }
  try {
    const auto json = nlohmann::json::parse(*text);
    FeedState state;
    state.path = json.at("path").get<std::string>();
    state.hub = json.at("hub").get<std::string>();
    state.fingerprint = json.at("fingerprint").get<std::string>();
    state.position = json.at("position").get<uint64_t>();
    state.accepted = json.at("accepted").get<uint64_t>();
    state.duplicates = json.at("duplicates").get<uint64_t>();
    state.quarantined = json.at("quarantined").get<uint64_t>();
    state.refused = json.at("refused").get<uint64_t>();
    return std::optional(std::move(state));
  } catch (const nlohmann::json::exception& error) {
    return Corruption("feed state " + file + ": " + error.what(),
                      "remove it and feed without --resume: known samples are recognised");
  }
}

Status SaveFeedState(const std::string& file, const FeedState& state) {
  PERENNIAL_RETURN_IF_ERROR(Env::Posix().CreateDirectories(fs::path(file).parent_path().string()));
  const nlohmann::ordered_json json = {{"path", state.path},
                                       {"hub", state.hub},
                                       {"fingerprint", state.fingerprint},
                                       {"position", state.position},
                                       {"accepted", state.accepted},
                                       {"duplicates", state.duplicates},
                                       {"quarantined", state.quarantined},
                                       {"refused", state.refused}};
  return Env::Posix().WriteFileAtomic(file, json.dump(2) + "\n", 0600);
}

void RemoveFeedState(const std::string& file) {
  std::error_code ignored;
  fs::remove(file, ignored);
}

}  // namespace perennial::cli
