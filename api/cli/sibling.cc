#include "api/cli/sibling.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace perennial::cli {

bool IsSibling(const std::string& command) {
  static constexpr std::array<std::string_view, 4> kNames = {"hub", "edge", "bench", "quickstart"};
  return std::find(kNames.begin(), kNames.end(), command) != kNames.end();
}

std::string SiblingPath(const std::string& name) {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  return (self.parent_path() / ("perennial-" + name)).string();
}

Status RunSibling(const std::string& name, const std::vector<std::string>& arguments) {
  const std::string path = SiblingPath(name);
  std::vector<std::string> words = {path};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  ::execv(path.c_str(), pointers.data());
  return NotFound("run " + path + ": " + std::strerror(errno),
                  "build or install perennial-" + name + " beside perennial");
}

}  // namespace perennial::cli
