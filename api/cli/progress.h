#pragma once

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>

#include "storage/base/clock.h"

namespace perennial::cli {

// Progress of long work with rate and time left: a bar that redraws its line on a terminal, else a plain line every few
// seconds. Thread-compatible.
class Progress {
 public:
  // `total` may be unknown; `done` is where an earlier run had come to, which does not count for the rate.
  Progress(std::ostream& out, const Clock& clock, bool terminal, std::optional<uint64_t> total, uint64_t done);
  void Update(uint64_t done);
  // Ends the line of a bar; call before printing anything else and at the end.
  void Break();
  double rate() const;

 private:
  std::string Line() const;
  std::ostream& out_;
  const Clock& clock_;
  const bool terminal_;
  const std::optional<uint64_t> total_;
  const uint64_t start_done_;
  const SteadyTime start_;
  uint64_t done_;
  SteadyTime shown_;
  size_t drawn_ = 0;  // characters of the bar on the line
};

}  // namespace perennial::cli
