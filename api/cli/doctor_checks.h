#pragma once

#include <cstdint>
#include <string>

namespace perennial::cli {

// What one look at the machine found. `hint` says how to mend it when it is not fine.
struct Finding {
  enum class State : uint8_t { kFine, kWarning, kBad } state = State::kFine;
  std::string check, detail, hint;
};

Finding CheckWritable(const std::string& folder);
Finding CheckDisk(const std::string& folder);
Finding CheckMemory();
Finding CheckCores();
Finding CheckOpenFiles();
Finding CheckClock(int64_t wall_micros);
Finding CheckPort(int port);
// hub, edge, bench or quickstart beside this program.
Finding CheckSibling(const std::string& name);

}  // namespace perennial::cli
