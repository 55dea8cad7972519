#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "storage/base/status.h"

namespace perennial::sources {

// Reads lines of bounded length from a file or standard input, whatever comes first at hand (a pipe is not waited for
// until a block is full). Owned by one source; thread-compatible.
class LineReader {
 public:
  // "-" is standard input. kNotFound, kIoError.
  static Result<std::unique_ptr<LineReader>> Open(const std::string& path, size_t max_line_bytes);
  ~LineReader();
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;

  // The next line without its end ("\n" or "\r\n"); nullopt at the end. kResourceExhausted for an overlong line, which
  // is skipped: reading may go on. kIoError ends it.
  Result<std::optional<std::string>> Next();
  // Of the line last returned, from 1.
  uint64_t line_number() const { return line_number_; }

 private:
  LineReader(int fd, size_t max_line_bytes) : fd_(fd), max_line_bytes_(max_line_bytes) {}
  // Refills block_; false at the end of input.
  Result<bool> Fill();

  const int fd_;
  const size_t max_line_bytes_;
  uint64_t line_number_ = 0;
  std::string block_;
  size_t at_ = 0;
};

}  // namespace perennial::sources
