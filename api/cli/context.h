#pragma once

#include <functional>
#include <iosfwd>
#include <string>
#include <string_view>

#include "api/cli/exit_code.h"
#include "storage/base/clock.h"
#include "storage/base/status.h"

namespace perennial::cli {

// What every command gets: where to write, which hub, and the world outside, so that tests can stand in for it. Made by
// main; a command borrows it. Thread-compatible.
struct Context {
  std::ostream& out;  // data
  std::ostream& err;  // messages
  bool json = false;
  bool terminal = false;  // `err` is a terminal: progress may redraw its line
  std::string hub = "http://127.0.0.1:8080";
  std::string token;
  const Clock& clock;
  // Waits; false when interrupted (Ctrl-C) before or meanwhile.
  std::function<bool(Duration)> wait;
  // Asks before something that is hard to undo; answers yes by itself off a terminal and with --yes.
  std::function<bool(const std::string& question)> confirm;
};

// Tells what went wrong, why and what to do next (as one JSON object with --json) and gives the exit code.
int Fail(Context& context, const Status& status);
// The same for wrong arguments: always kExitUsage.
int FailUsage(Context& context, const Status& status);
// Prints a JSON text as it is, with a line end.
int PrintJson(Context& context, std::string_view json);

}  // namespace perennial::cli
