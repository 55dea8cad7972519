#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/status.h"

namespace perennial {

// File access that tests can make fail. The default implementation is POSIX. Thread-safe.
class Env {
 public:
  virtual ~Env() = default;
  // Whole file; kResourceExhausted when it is larger than `max_bytes`, kNotFound when absent.
  virtual Result<std::string> ReadFile(const std::string& path, uint64_t max_bytes) = 0;
  // Temporary file, fsync, rename, fsync of the folder: after return the file is there whole, after a crash it is the
  // old or the new one. `mode` is the POSIX permission (0600 for keys).
  virtual Status WriteFileAtomic(const std::string& path, std::string_view bytes, uint32_t mode) = 0;
  virtual Status CreateDirectories(const std::string& path) = 0;

  // The process-wide POSIX environment.
  static Env& Posix();
};

// A crash test's hook. Every durable write of the project (KvStore::Write with sync, Env::WriteFileAtomic) calls this
// twice, just before and just after. With PERENNIAL_CRASH_AT=N in the environment the N-th call (from 1) ends the
// process by SIGKILL, as a power cut would; without it the call is one relaxed load. Thread-safe.
void DurableWritePoint();
// Calls so far in this process; counted only when PERENNIAL_CRASH_AT is set (0 counts and never kills).
uint64_t DurableWritePoints();

// A folder under $TMPDIR (or /tmp) that is removed with all it holds when the object goes.
class TemporaryFolder {
 public:
  static Result<TemporaryFolder> Make(std::string_view prefix);
  ~TemporaryFolder();
  TemporaryFolder(TemporaryFolder&& other) noexcept : path_(std::move(other.path_)) { other.path_.clear(); }
  TemporaryFolder& operator=(TemporaryFolder&&) = delete;
  const std::string& path() const { return path_; }
  // Leaves the folder behind.
  std::string Release();

 private:
  explicit TemporaryFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace perennial
