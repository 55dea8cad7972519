#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/status.h"
#include "storage/sources/source.h"

// What the readers of foreign data share: a record of named columns, and how it becomes samples.
namespace perennial::sources {

// One value of a record, as text. Objects and arrays are kept as compact JSON.
struct Column {
  enum class Kind : uint8_t { kText, kNumber, kJson } kind = Kind::kText;
  std::string value;
};
using Columns = std::map<std::string, Column, std::less<>>;

// A metadata line, a CSV row or a JSON member of a tar. Nulls are left out.
struct Record {
  // One entry of "qas": [text, label], or an object whose columns add to the record's own.
  struct Pair {
    bool positional = false;
    std::string text, label;
    Columns columns;
  };
  Columns columns;
  std::map<std::string, std::string> meta;  // the column "meta" when it is an object
  std::vector<Pair> pairs;
  bool has_pairs = false;
};

// kInvalidArgument when it is not one JSON object, or "qas" is not a list of pairs.
Result<Record> RecordFromJson(std::string_view json);

// Where a record stands and what it has besides its columns.
struct RecordPlace {
  std::string pointer;  // of the record
  std::string source;   // when the record has no column "source"
  std::string id;       // when the record has no column "id"
  std::string group;    // when the record has no column "group"
  std::string image;    // image bytes found beside it
  std::string label;    // when the record has none (a class folder)
  format::Part part = format::Part::kTrain;
  bool unknown_is_meta = true;       // else an unknown column is an error
  std::vector<std::string> ignored;  // columns the reader has used up ("file_name")
};

// One item per pair of the record (pointer "... qas/3", id "ID/3"), else one. Ok samples are not validated yet.
std::vector<Item> ItemsFromRecord(const Record& record, const RecordPlace& place, const SourceOptions& options);

}  // namespace perennial::sources
