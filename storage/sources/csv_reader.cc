#include "storage/sources/csv_reader.h"

#include <set>
#include <string_view>

namespace perennial::sources {
namespace {

// Splits physical lines into the fields of one row; a quoted field may go on in the next line.
class RowSplitter {
 public:
  // False when the line is malformed.
  bool Add(std::string_view line) {
    if (state_ == State::kQuoted) fields_.back() += '\n';
    for (const char c : line) {
      if (!Step(c)) return false;
    }
    if (state_ == State::kQuoteInQuoted) state_ = State::kStart;
    return true;
  }
  bool open() const { return state_ == State::kQuoted; }
  size_t bytes() const { return bytes_; }
  std::vector<std::string> Take() { return std::move(fields_); }

 private:
  enum class State : uint8_t { kStart, kPlain, kQuoted, kQuoteInQuoted };

  bool Step(char c) {
    ++bytes_;
    switch (state_) {
      case State::kStart:
        if (c == '"') {
          state_ = State::kQuoted;
        } else if (c == ',') {
          fields_.emplace_back();
        } else {
          state_ = State::kPlain;
          fields_.back() += c;
        }
        return true;
      case State::kPlain:
        if (c == '"') return false;  // RFC 4180: quotes only in quoted fields
        if (c == ',') {
          fields_.emplace_back();
          state_ = State::kStart;
        } else {
          fields_.back() += c;
        }
        return true;
      case State::kQuoted:
        if (c == '"') {
          state_ = State::kQuoteInQuoted;
        } else {
          fields_.back() += c;
        }
        return true;
      case State::kQuoteInQuoted:
        if (c == '"') {
          fields_.back() += '"';
          state_ = State::kQuoted;
        } else if (c == ',') {
          fields_.emplace_back();
          state_ = State::kStart;
        } else {
          return false;
        }
        return true;
    }
    return false;
  }

  std::vector<std::string> fields_{1};
  State state_ = State::kStart;
  size_t bytes_ = 0;
};

}  // namespace

Result<std::optional<std::vector<std::string>>> CsvReader::NextRow() {
  RowSplitter splitter;
  bool began = false;
  while (true) {
    PERENNIAL_ASSIGN_OR_RETURN(const std::optional<std::string> line, lines_->Next());
    if (!began) row_line_ = lines_->line_number();
    if (!line) {
      if (began) return InvalidArgument("a quoted field is never closed", "look for a missing quote from here on");
      return std::optional<std::vector<std::string>>();
    }
    if (line->empty() && !began) continue;
    began = true;
    if (!splitter.Add(*line)) {
      return InvalidArgument("a quote stands inside a field", "quote the whole field and double its quotes");
    }
    if (splitter.bytes() > max_row_bytes_) {
      return ResourceExhausted("the row is longer than " + std::to_string(max_row_bytes_) + " bytes");
    }
    if (!splitter.open()) return std::optional(splitter.Take());
  }
}

Result<std::unique_ptr<CsvReader>> CsvReader::Open(const std::string& path, size_t max_row_bytes) {
  PERENNIAL_ASSIGN_OR_RETURN(auto lines, LineReader::Open(path, max_row_bytes));
  std::unique_ptr<CsvReader> reader(new CsvReader(std::move(lines), max_row_bytes));
  PERENNIAL_ASSIGN_OR_RETURN(auto header, reader->NextRow());
  if (!header) return InvalidArgument("the file is empty", "the first line names the columns");
  if (header->front().substr(0, 3) == "\xef\xbb\xbf") header->front().erase(0, 3);
  std::set<std::string> seen;
  for (const std::string& name : *header) {
    if (!seen.insert(name).second) return InvalidArgument("column '" + name + "' is named twice in the header");
  }
  reader->header_ = std::move(*header);
  return reader;
}

Result<std::optional<std::vector<std::string>>> CsvReader::Next() {
  PERENNIAL_ASSIGN_OR_RETURN(auto row, NextRow());
  if (row && row->size() != header_.size()) {
    return InvalidArgument(
        std::to_string(row->size()) + " columns where the header has " + std::to_string(header_.size()),
        "quote fields that hold commas");
  }
  return row;
}

}  // namespace perennial::sources
