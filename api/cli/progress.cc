#include "api/cli/progress.h"

#include <algorithm>
#include <ostream>

#include "api/cli/table.h"

namespace perennial::cli {
namespace {
constexpr Duration kRedraw = std::chrono::milliseconds(100);
constexpr Duration kPlainLine = std::chrono::seconds(5);
constexpr size_t kBarWidth = 30;
}  // namespace

Progress::Progress(std::ostream& out, const Clock& clock, bool terminal, std::optional<uint64_t> total, uint64_t done)
    : out_(out),
      clock_(clock),
      terminal_(terminal),
      total_(total),
      start_done_(done),
      start_(clock.Now()),
      done_(done),
      shown_(start_) {}

double Progress::rate() const {
  const double seconds = std::chrono::duration<double>(clock_.Now() - start_).count();
  return seconds <= 0 ? 0 : static_cast<double>(done_ - start_done_) / seconds;
}

std::string Progress::Line() const {
  std::string line;
  const bool known = total_ && *total_ > 0;
  if (known && terminal_) {
    const size_t filled = static_cast<size_t>(kBarWidth * std::min(done_, *total_) / *total_);
    line.append("[").append(filled, '#').append(kBarWidth - filled, '.').append("] ");
  }
  line += std::to_string(done_);
  if (known) line.append(" of ").append(std::to_string(*total_));
  line.append(" samples, ").append(HumanNumber(rate(), 0)).append("/s");
  if (known && rate() > 0 && done_ < *total_) {
    line.append(", ").append(HumanSeconds(static_cast<double>(*total_ - done_) / rate())).append(" left");
  }
  return line;
}

void Progress::Update(uint64_t done) {
  done_ = done;
  const SteadyTime now = clock_.Now();
  if (now - shown_ < (terminal_ ? kRedraw : kPlainLine)) return;
  shown_ = now;
  const std::string line = Line();
  if (terminal_) {
    out_ << '\r' << line << std::string(drawn_ > line.size() ? drawn_ - line.size() : 0, ' ') << std::flush;
    drawn_ = line.size();
  } else {
    out_ << line << std::endl;
  }
}

void Progress::Break() {
  if (drawn_ > 0) out_ << '\n' << std::flush;
  drawn_ = 0;
}

}  // namespace perennial::cli
