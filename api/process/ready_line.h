#pragma once

#include <string>

#include "api/process/child_process.h"
#include "storage/base/status.h"

namespace perennial::process {

// What a hub or an edge prints on standard output once it can be reached.
struct ReadyLine {
  std::string url;       // "http://127.0.0.1:PORT"
  std::string announce;  // ZeroMQ endpoints, a hub's only
  std::string bulk;
};

// Waits for it, a minute at most. kInternal when the first line is another one; else as ChildProcess::ReadLine.
Result<ReadyLine> ReadReadyLine(ChildProcess& child);

}  // namespace perennial::process
