#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "storage/base/status.h"

// Key files are one line of words, the first naming kind and version (updater/trust/keys.md).
namespace perennial::trust {

enum class KeyFileAccess {
  kSecret,  // mode 0600; refused when group or others may read or write it
  kPublic,  // mode 0644
};

Status WriteKeyFile(const std::string& path, KeyFileAccess access, std::string_view kind,
                    const std::vector<std::string>& words);

// The words after the kind; kCorruption unless the kind and the number of words are as expected. No message quotes the
// content.
Result<std::vector<std::string>> ReadKeyFile(const std::string& path, KeyFileAccess access, std::string_view kind,
                                             size_t words);

}  // namespace perennial::trust
