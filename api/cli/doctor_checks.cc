#include "api/cli/doctor_checks.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "api/cli/sibling.h"
#include "api/cli/table.h"

namespace perennial::cli {
namespace {

using State = Finding::State;

constexpr uint64_t kGigabyte = 1'000'000'000;

// Bytes that may still be taken without swapping; 0 when the kernel does not say.
uint64_t AvailableMemory() {
  std::ifstream file("/proc/meminfo");
  std::string key, unit;
  uint64_t kilobytes = 0;
  while (file >> key >> kilobytes) {
    if (key == "MemAvailable:") return kilobytes * 1024;
    std::getline(file, unit);
  }
  return 0;
}

}  // namespace

Finding CheckWritable(const std::string& folder) {
  std::string name = folder + "/.perennial-doctor-XXXXXX";
  const int fd = ::mkstemp(name.data());
  if (fd < 0) {
    return {State::kBad, "folder", folder + ": " + std::strerror(errno),
            "choose a folder you may write to: --data FOLDER"};
  }
  const bool synced = ::write(fd, "x", 1) == 1 && ::fsync(fd) == 0;
  const std::string why = synced ? "" : std::strerror(errno);
  ::close(fd);
  ::unlink(name.c_str());
  if (!synced)
    return {State::kBad, "folder", folder + ": write and sync: " + why, "mend the disk or choose another folder"};
  return {State::kFine, "folder", folder + " can be written and synced", ""};
}

Finding CheckDisk(const std::string& folder) {
  std::error_code error;
  const auto space = std::filesystem::space(folder, error);
  if (error) return {State::kBad, "disk", folder + ": " + error.message(), "choose another folder: --data FOLDER"};
  const std::string detail = HumanBytes(space.available) + " free";
  if (space.available < kGigabyte / 5) return {State::kBad, "disk", detail, "free at least 1 GB"};
  if (space.available < kGigabyte) return {State::kWarning, "disk", detail, "1 GB or more is advised"};
  return {State::kFine, "disk", detail, ""};
}

Finding CheckMemory() {
  const uint64_t bytes = AvailableMemory();
  if (bytes == 0) return {State::kWarning, "memory", "unknown", ""};
  const std::string detail = HumanBytes(bytes) + " available";
  if (bytes < kGigabyte / 2) return {State::kBad, "memory", detail, "a hub needs about 1 GB, an edge half of that"};
  if (bytes < kGigabyte) return {State::kWarning, "memory", detail, "enough for an edge, short for a hub"};
  return {State::kFine, "memory", detail, ""};
}

Finding CheckCores() {
  const unsigned cores = std::thread::hardware_concurrency();
  const std::string detail = std::to_string(cores) + (cores == 1 ? " core" : " cores");
  if (cores < 2) return {State::kWarning, "processor", detail, "training and serving will share it"};
  return {State::kFine, "processor", detail, ""};
}

Finding CheckOpenFiles() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return {State::kWarning, "open files", "unknown", ""};
  const std::string detail = "limit " + std::to_string(limit.rlim_cur);
  if (limit.rlim_cur < 1024) return {State::kWarning, "open files", detail, "ulimit -n 1024"};
  return {State::kFine, "open files", detail, ""};
}

Finding CheckClock(int64_t wall_micros) {
  // 2024-01-01: manifests carry times and may expire.
  if (wall_micros < 1'704'067'200'000'000) return {State::kBad, "clock", "it is before 2024", "set the clock (NTP)"};
  return {State::kFine, "clock", "plausible", ""};
}

Finding CheckPort(int port) {
  const std::string check = "port " + std::to_string(port);
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return {State::kBad, check, std::strerror(errno), ""};
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));  // a port in TIME_WAIT is free for us
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  const bool free = ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  const std::string why = free ? "free" : std::strerror(errno);
  ::close(fd);
  if (!free) return {State::kWarning, check, why, "a hub may be running there already; choose another port"};
  return {State::kFine, check, why, ""};
}

Finding CheckSibling(const std::string& name) {
  const std::string path = SiblingPath(name);
  if (::access(path.c_str(), X_OK) != 0) {
    return {State::kWarning, "perennial-" + name, "not beside this program",
            "build or install it into the same folder"};
  }
  return {State::kFine, "perennial-" + name, path, ""};
}

}  // namespace perennial::cli
