#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "storage/base/status.h"

namespace perennial::sources {

// Writes a USTAR file; equal members give equal bytes (no times, no owners). libarchive lives behind it.
// Thread-compatible.
class TarWriter {
 public:
  static Result<std::unique_ptr<TarWriter>> Create(const std::string& path);
  virtual ~TarWriter() = default;
  virtual Status Add(const std::string& name, std::string_view bytes) = 0;
  // Writes the end mark. Nothing may be added after it.
  virtual Status Close() = 0;
};

}  // namespace perennial::sources
