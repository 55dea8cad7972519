#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "storage/sources/line_reader.h"

namespace perennial::sources {

// RFC 4180: fields divided by commas, quoted fields may hold commas, line breaks and doubled quotes; a byte-order mark
// before the header is skipped, blank lines too. Thread-compatible.
class CsvReader {
 public:
  // Reads the header. kInvalidArgument when there is none or a column is named twice.
  static Result<std::unique_ptr<CsvReader>> Open(const std::string& path, size_t max_row_bytes);
  const std::vector<std::string>& header() const { return header_; }
  // The next row, as many fields as the header has; nullopt at the end. kInvalidArgument or kResourceExhausted for a
  // row that is malformed: reading may go on. kIoError ends it.
  Result<std::optional<std::vector<std::string>>> Next();
  // Line on which the row last returned began, from 1.
  uint64_t line_number() const { return row_line_; }

 private:
  CsvReader(std::unique_ptr<LineReader> lines, size_t max_row_bytes)
      : lines_(std::move(lines)), max_row_bytes_(max_row_bytes) {}
  Result<std::optional<std::vector<std::string>>> NextRow();

  std::unique_ptr<LineReader> lines_;
  const size_t max_row_bytes_;
  std::vector<std::string> header_;
  uint64_t row_line_ = 0;
};

}  // namespace perennial::sources
