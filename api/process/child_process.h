#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "storage/base/clock.h"
#include "storage/base/status.h"

namespace perennial::process {

struct ChildOptions {
  std::string program;                // path
  std::vector<std::string> arguments; // without argv[0]
  std::vector<std::pair<std::string, std::string>> environment;  // added to ours
  std::string log_path;               // standard error goes here; empty: to ours
};

// A program that we started and end by its process id. Owned by whoever started it; the destructor ends it. The child gets SIGTERM when we die, so none
// is left behind. Thread-compatible.
class ChildProcess {
 public:
  static Result<std::unique_ptr<ChildProcess>> Start(const ChildOptions& options);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  pid_t pid() const { return pid_; }
  // The next line of its standard output. kDeadlineExceeded, or kUnavailable (with the end of its log) when it ended first.
  Result<std::string> ReadLine(Duration timeout);
  // SIGTERM, then SIGKILL when it has not ended in time. The wait status as of waitpid.
  Result<int> Stop(Duration timeout);
  // True while it runs.
  bool Running();
  void Signal(int signal) const;
  // Resident set size in bytes (from /proc), 0 when it is gone.
  uint64_t ResidentBytes() const;

 private:
  ChildProcess(pid_t pid, int output, std::string log_path, std::string program);
  Result<int> WaitFor(Duration timeout);
  std::string LogTail() const;

  const pid_t pid_;
  const int output_;  // read end of its standard output
  const std::string log_path_;
  const std::string program_;
  std::string buffered_;
  bool ended_ = false;
  int wait_status_ = 0;
};

// Folder of the running program, where the sibling programs lie.
Result<std::string> ProgramFolder();

}  // namespace perennial::process
