#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "storage/base/status.h"

namespace perennial::cli {

// How far a feed came: after every acknowledged batch it is written atomically, and removed at the end. Not beside the
// data, which may be read-only or shared. Value type.
struct FeedState {
  std::string path;  // of the data, absolute
  std::string hub;
  std::string fingerprint;  // of the data and the options that decide what is read
  uint64_t position = 0;    // items of the source that are settled
  uint64_t accepted = 0, duplicates = 0, quarantined = 0, refused = 0;
};

// $XDG_STATE_HOME/perennial, or ~/.local/state/perennial.
std::string StateFolder();
// feed-HASH.json for this data, hub and options in `folder`.
std::string StatePath(const std::string& folder, const FeedState& state);
// A hash over `options` and the names, sizes and times of the files at `path`: another one means that a position is
// worth nothing.
Result<std::string> FingerprintData(const std::string& path, const std::string& options);

// nullopt when there is none.
Result<std::optional<FeedState>> LoadFeedState(const std::string& file);
Status SaveFeedState(const std::string& file, const FeedState& state);
void RemoveFeedState(const std::string& file);

}  // namespace perennial::cli
