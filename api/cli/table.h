#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

namespace perennial::cli {

// Plain aligned columns for people: a header line, then rows, two blanks between columns, numbers to the right. Control
// characters in cells are shown as '?', so data cannot drive the terminal.
class Table {
 public:
  // A name that starts with '>' is a column of numbers.
  explicit Table(std::vector<std::string> columns);
  // REQUIRES as many cells as columns.
  void Add(std::vector<std::string> cells);
  void Print(std::ostream& out) const;
  bool empty() const { return rows_.empty(); }

 private:
  std::vector<std::string> columns_;
  std::vector<bool> right_;
  std::vector<std::vector<std::string>> rows_;
};

// "1.5 MB", "812 B".
std::string HumanBytes(uint64_t bytes);
// "4s", "3m 12s", "2h 5m".
std::string HumanSeconds(double seconds);
// "0.987", "-" for NaN.
std::string HumanNumber(double value, int digits);
// Columns a terminal takes for UTF-8 text: two for East Asian wide characters.
size_t DisplayWidth(const std::string& text);

}  // namespace perennial::cli
