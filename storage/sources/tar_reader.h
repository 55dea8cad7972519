#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "storage/base/status.h"

namespace perennial::sources {

// Reads the members of a .tar or .tar.gz one after another, in memory, nothing is unpacked to disk. libarchive lives
// behind it. Thread-compatible.
class TarReader {
 public:
  struct Member {
    std::string name;
    Status error;  // why there are no bytes: too large, a link, a name that leaves the archive
    std::string bytes;
  };
  static Result<std::unique_ptr<TarReader>> Open(const std::string& path);
  virtual ~TarReader() = default;
  // The next regular file or refused member (folders and hidden files are passed over); nullopt at the end. An error
  // means the archive is damaged or cut: nothing more can be read.
  virtual Result<std::optional<Member>> Next(uint64_t max_member_bytes) = 0;
};

}  // namespace perennial::sources
