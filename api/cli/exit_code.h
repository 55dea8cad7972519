#pragma once

#include "storage/base/status.h"

namespace perennial::cli {

// What the program tells its caller; documented in README.md and `perennial --help`.
enum ExitCode : int {
  kExitOk = 0,
  kExitFailed = 1,
  kExitUsage = 2,
  kExitPartial = 3,      // done, but some samples were refused or quarantined
  kExitUnreachable = 4,  // the hub does not answer
  kExitInterrupted = 130,
};

// kUnavailable and kDeadlineExceeded are a hub out of reach, kCancelled is Ctrl-C, all else failed.
ExitCode ExitCodeOf(const Status& status);

}  // namespace perennial::cli
