#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/status.h"

namespace perennial::sources {

// A folder of data from which nothing outside it can be read: absolute names, "..", and links that lead out are
// refused. Immutable value; thread-safe.
class Folder {
 public:
  // kNotFound, or kInvalidArgument when it is no folder.
  static Result<Folder> Open(const std::string& path);
  // A regular file below the folder. kInvalidArgument for a name that leaves it, kNotFound, kResourceExhausted beyond
  // max_bytes.
  Result<std::string> Read(const std::string& name, uint64_t max_bytes) const;
  // A folder below.
  Result<Folder> Sub(const std::string& name) const;

  struct Entry {
    std::string name;
    bool is_folder = false;
  };
  // What lies directly in it, sorted by name, hidden ones left out. Links that lead out are not listed.
  Result<std::vector<Entry>> List() const;
  const std::string& path() const { return root_; }

 private:
  explicit Folder(std::string root) : root_(std::move(root)) {}
  // The real path of `name`, which is below the folder.
  Result<std::string> Resolve(const std::string& name) const;
  std::string root_;  // canonical
};

}  // namespace perennial::sources
