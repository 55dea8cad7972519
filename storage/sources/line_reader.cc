#include "storage/sources/line_reader.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace perennial::sources {
namespace {
constexpr size_t kBlockBytes = 1u << 16;
}  // namespace

Result<std::unique_ptr<LineReader>> LineReader::Open(const std::string& path, size_t max_line_bytes) {
  const int fd = path == "-" ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    const std::string message = "open '" + path + "': " + std::strerror(errno);
    return errno == ENOENT ? NotFound(message, "check the path") : IoError(message);
  }
  return std::unique_ptr<LineReader>(new LineReader(fd, max_line_bytes));
}

LineReader::~LineReader() {
  if (fd_ != STDIN_FILENO) ::close(fd_);
}

Result<bool> LineReader::Fill() {
  block_.resize(kBlockBytes);
  at_ = 0;
  ssize_t got = 0;
  do {
    got = ::read(fd_, block_.data(), block_.size());
  } while (got < 0 && errno == EINTR);
  if (got < 0) {
    block_.clear();
    return IoError(std::string("read: ") + std::strerror(errno));
  }
  block_.resize(static_cast<size_t>(got));
  return got > 0;
}

Result<std::optional<std::string>> LineReader::Next() {
  std::string line;
  bool overlong = false, any = false;
  while (true) {
    if (at_ == block_.size()) {
      PERENNIAL_ASSIGN_OR_RETURN(const bool more, Fill());
      if (!more) break;
    }
    any = true;
    const size_t end = block_.find('\n', at_);
    const size_t take = (end == std::string::npos ? block_.size() : end) - at_;
    if (line.size() + take > max_line_bytes_) {
      overlong = true;
    } else if (!overlong) {
      line.append(block_, at_, take);
    }
    at_ += take;
    if (end != std::string::npos) {
      ++at_;
      break;
    }
  }
  if (!any) return std::optional<std::string>();
  ++line_number_;
  if (overlong) {
    return ResourceExhausted("the line is longer than " + std::to_string(max_line_bytes_) + " bytes",
                             "send smaller images");
  }
  if (!line.empty() && line.back() == '\r') line.pop_back();
  return std::optional<std::string>(std::move(line));
}

}  // namespace perennial::sources
