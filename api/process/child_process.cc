#include "api/process/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "storage/base/env.h"

namespace perennial::process {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

// Runs in the child between fork and exec: only async-signal-safe calls.
[[noreturn]] void Exec(const char* program, char* const* argv, char* const* envp, int output, int log) {
  (void)::prctl(PR_SET_PDEATHSIG, SIGTERM);
  (void)::setpgid(0, 0);  // Ctrl-C at a terminal is for us; we end the child in order
  (void)::dup2(output, STDOUT_FILENO);
  if (log >= 0) (void)::dup2(log, STDERR_FILENO);
  ::execve(program, argv, envp);
  ::_exit(127);
}

std::vector<std::string> Environment(const ChildOptions& options) {
  std::vector<std::string> all;
  for (const auto& [name, value] : options.environment) all.push_back(name + "=" + value);
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const auto same = [&](const auto& added) { return text.starts_with(added.first + "="); };
    if (std::none_of(options.environment.begin(), options.environment.end(), same)) all.emplace_back(text);
  }
  return all;
}

std::vector<char*> Pointers(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (std::string& text : strings) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

Result<std::unique_ptr<ChildProcess>> ChildProcess::Start(const ChildOptions& options) {
  if (::access(options.program.c_str(), X_OK) != 0) {
    return NotFound("cannot run " + options.program + ": " + std::strerror(errno), "build it first: scripts/build.sh");
  }
  std::array<int, 2> pipe_ends{};
  if (::pipe2(pipe_ends.data(), O_CLOEXEC) != 0) return IoError(std::string("pipe: ") + std::strerror(errno));
  int log = -1;
  if (!options.log_path.empty()) {
    log = ::open(options.log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (log < 0) {
      ::close(pipe_ends[0]);
      ::close(pipe_ends[1]);
      return IoError("open " + options.log_path + ": " + std::strerror(errno));
    }
  }
  std::vector<std::string> arguments{options.program};
  arguments.insert(arguments.end(), options.arguments.begin(), options.arguments.end());
  std::vector<std::string> environment = Environment(options);
  const std::vector<char*> argv = Pointers(arguments);
  const std::vector<char*> envp = Pointers(environment);
  const pid_t pid = ::fork();
  if (pid == 0) Exec(options.program.c_str(), argv.data(), envp.data(), pipe_ends[1], log);
  const int error = errno;
  ::close(pipe_ends[1]);
  if (log >= 0) ::close(log);
  if (pid < 0) {
    ::close(pipe_ends[0]);
    return IoError("start " + options.program + ": " + std::strerror(error));
  }
  return std::unique_ptr<ChildProcess>(new ChildProcess(pid, pipe_ends[0], options.log_path, options.program));
}

ChildProcess::ChildProcess(pid_t pid, int output, std::string log_path, std::string program)
    : pid_(pid), output_(output), log_path_(std::move(log_path)), program_(std::move(program)) {}

ChildProcess::~ChildProcess() {
  (void)Stop(std::chrono::seconds(5));
  ::close(output_);
}

Result<std::string> ChildProcess::ReadLine(Duration timeout) {
  const SteadyTime deadline = std::chrono::steady_clock::now() + timeout;
  for (;;) {
    if (const size_t end = buffered_.find('\n'); end != std::string::npos) {
      std::string line = buffered_.substr(0, end);
      buffered_.erase(0, end + 1);
      return line;
    }
    const auto left = duration_cast<milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    if (left <= 0) return DeadlineExceeded(program_ + " said nothing in time", "see its log " + log_path_);
    pollfd waiting{output_, POLLIN, 0};
    if (::poll(&waiting, 1, static_cast<int>(std::min<int64_t>(left, 1000))) <= 0) continue;
    std::array<char, 4096> chunk{};
    const ssize_t n = ::read(output_, chunk.data(), chunk.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return Unavailable(program_ + " ended before it was ready:\n" + LogTail());
    buffered_.append(chunk.data(), static_cast<size_t>(n));
  }
}

bool ChildProcess::Running() {
  if (ended_) return false;
  const pid_t reaped = ::waitpid(pid_, &wait_status_, WNOHANG);
  ended_ = reaped == pid_;
  return !ended_;
}

Result<int> ChildProcess::WaitFor(Duration timeout) {
  const SteadyTime deadline = std::chrono::steady_clock::now() + timeout;
  while (Running()) {
    if (std::chrono::steady_clock::now() >= deadline) return DeadlineExceeded(program_ + " did not end in time");
    // The pipe hangs up when the child ends, so this wakes at once then.
    pollfd waiting{output_, POLLIN, 0};
    (void)::poll(&waiting, 1, 20);
    std::array<char, 4096> drained{};
    if ((waiting.revents & POLLIN) != 0) (void)!::read(output_, drained.data(), drained.size());
    else if ((waiting.revents & POLLHUP) != 0) (void)::poll(nullptr, 0, 2);
  }
  return wait_status_;
}

Result<int> ChildProcess::Stop(Duration timeout) {
  if (!Running()) return wait_status_;
  Signal(SIGTERM);
  if (Result<int> ended = WaitFor(timeout); ended.ok()) return ended;
  Signal(SIGKILL);
  return WaitFor(std::chrono::seconds(5));
}

void ChildProcess::Signal(int signal) const {
  if (!ended_) (void)::kill(pid_, signal);
}

uint64_t ChildProcess::ResidentBytes() const {
  std::ifstream statm("/proc/" + std::to_string(pid_) + "/statm");
  uint64_t total = 0;
  uint64_t resident = 0;
  if (!(statm >> total >> resident)) return 0;
  return resident * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::string ChildProcess::LogTail() const {
  if (log_path_.empty()) return "(its messages went to standard error)";
  const Result<std::string> log = Env::Posix().ReadFile(log_path_, 64u << 20);
  if (!log.ok()) return log.status().ToString();
  constexpr size_t kTail = 2000;
  return log->size() > kTail ? log->substr(log->size() - kTail) : *log;
}

Result<std::string> ProgramFolder() {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return IoError("read /proc/self/exe: " + error.message());
  return self.parent_path().string();
}

}  // namespace perennial::process
