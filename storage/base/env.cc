#include "storage/base/env.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

namespace perennial {
namespace {

Status FromErrno(const std::string& what) {
  const int error = errno;
  const std::string message = what + ": " + std::strerror(error);
  switch (error) {
    case ENOENT:
      return NotFound(message);
    case EACCES:
    case EPERM:
      return PermissionDenied(message);
    case ENOSPC:
    case EDQUOT:
      return ResourceExhausted(message, "free some disk space");
    default:
      return IoError(message);
  }
}

// Closes a descriptor when the scope ends.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

Status WriteAll(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FromErrno("write " + path);
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return ::fsync(fd) == 0 ? Status::Ok() : FromErrno("fsync " + path);
}

class PosixEnv final : public Env {
 public:
  Result<std::string> ReadFile(const std::string& path, uint64_t max_bytes) override {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.get() < 0) return FromErrno("open " + path);
    struct stat info {};
    if (::fstat(file.get(), &info) != 0) return FromErrno("stat " + path);
    if (S_ISDIR(info.st_mode)) return InvalidArgument(path + " is a folder, not a file");
    std::string bytes;
    char buffer[65536];
    for (;;) {
      const ssize_t n = ::read(file.get(), buffer, sizeof buffer);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return FromErrno("read " + path);
      if (n == 0) return bytes;
      if (bytes.size() + static_cast<size_t>(n) > max_bytes) {
        return ResourceExhausted(path + " is larger than " + std::to_string(max_bytes) + " bytes");
      }
      bytes.append(buffer, static_cast<size_t>(n));
    }
  }

  Status WriteFileAtomic(const std::string& path, std::string_view bytes, uint32_t mode) override {
    DurableWritePoint();
    // A name of its own for every call; one left by a crash must not lend the new file its permissions.
    static std::atomic<uint64_t> calls{0};
    const std::string temporary = path + ".tmp" + std::to_string(::getpid()) + "." + std::to_string(++calls);
    (void)::unlink(temporary.c_str());
    {
      const Descriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
      if (file.get() < 0) return FromErrno("create " + temporary);
      // An existing temporary keeps its old mode; a key must never be readable by others, not even for a moment.
      if (::fchmod(file.get(), mode) != 0) return FromErrno("chmod " + temporary);
      if (Status written = WriteAll(file.get(), bytes, temporary); !written.ok()) {
        (void)::unlink(temporary.c_str());
        return written;
      }
    }
    if (::rename(temporary.c_str(), path.c_str()) != 0) {
      Status failed = FromErrno("rename to " + path);
      (void)::unlink(temporary.c_str());
      return failed;
    }
    const std::string folder = std::filesystem::path(path).parent_path().string();
    const Descriptor parent(::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (parent.get() < 0) return FromErrno("open folder " + folder);
    if (::fsync(parent.get()) != 0) return FromErrno("fsync folder " + folder);
    DurableWritePoint();
    return Status::Ok();
  }

  Status CreateDirectories(const std::string& path) override {
    std::error_code error;
    std::filesystem::create_directories(path, error);
    if (error) return IoError("create folder " + path + ": " + error.message());
    return Status::Ok();
  }
};

int64_t CrashAt() {
  static const int64_t at = [] {
    const char* text = std::getenv("PERENNIAL_CRASH_AT");
    return text == nullptr ? -1 : std::atoll(text);
  }();
  return at;
}
std::atomic<uint64_t> crash_calls{0};

}  // namespace

Env& Env::Posix() {
  static PosixEnv env;
  return env;
}

void DurableWritePoint() {
  const int64_t at = CrashAt();
  if (at < 0) return;
  if (++crash_calls == static_cast<uint64_t>(at)) (void)::raise(SIGKILL);
}

uint64_t DurableWritePoints() { return crash_calls.load(); }

Result<TemporaryFolder> TemporaryFolder::Make(std::string_view prefix) {
  const char* base = std::getenv("TMPDIR");
  std::string pattern = std::string(base == nullptr ? "/tmp" : base) + "/" + std::string(prefix) + ".XXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr) return FromErrno("make temporary folder " + pattern);
  return TemporaryFolder(pattern);
}

TemporaryFolder::~TemporaryFolder() {
  if (path_.empty()) return;
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TemporaryFolder::Release() { return std::exchange(path_, {}); }

}  // namespace perennial
