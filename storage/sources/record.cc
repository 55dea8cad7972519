#include "storage/sources/record.h"

#include <algorithm>
#include <optional>
#include <set>

#include "storage/base/config.h"
#include "storage/sources/image_text.h"
#include "storage/sources/names.h"
#include "storage/sources/text_time.h"

namespace perennial::sources {
namespace {

// Longer foreign columns are left out of the metadata: they are data of their own, not notes about a sample.
constexpr size_t kMaxMetaValue = 256;

// The columns of one sample: a pair's own before the record's. Ticks off what was read.
class Row {
 public:
  Row(const Record& record, const Record::Pair* pair) : record_(record), pair_(pair) {}

  // Null when absent.
  const Column* Find(const std::string& name) {
    read_.insert(name);
    if (pair_ != nullptr) {
      if (const auto found = pair_->columns.find(name); found != pair_->columns.end()) return &found->second;
    }
    const auto found = record_.columns.find(name);
    return found == record_.columns.end() ? nullptr : &found->second;
  }
  std::string Text(const std::string& name) {
    const Column* column = Find(name);
    return column == nullptr ? "" : column->value;
  }
  void Ignore(const std::string& name) { read_.insert(name); }
  const std::set<std::string>& read() const { return read_; }

  // Columns that nobody read.
  Columns Unread() const {
    Columns rest = pair_ == nullptr ? Columns() : pair_->columns;
    rest.insert(record_.columns.begin(), record_.columns.end());
    std::erase_if(rest, [&](const auto& item) { return read_.contains(item.first); });
    return rest;
  }

 private:
  const Record& record_;
  const Record::Pair* pair_;
  std::set<std::string> read_;
};

std::string FirstText(Row& row, const std::string& chosen, std::initializer_list<const char*> defaults) {
  if (!chosen.empty()) return row.Text(chosen);
  for (const char* name : defaults) {
    if (std::string text = row.Text(name); !text.empty()) return text;
  }
  return {};
}

std::string LabelOf(Row& row, const std::string& chosen) {
  if (!chosen.empty()) return row.Text(chosen);
  // A class number beside a class name: people and models that meet new classes are better off with the name.
  const Column* label = row.Find("label");
  const Column* name = row.Find("class");
  if (label != nullptr && name != nullptr && label->kind == Column::Kind::kNumber &&
      name->kind == Column::Kind::kText) {
    return name->value;
  }
  return FirstText(row, "", {"label", "answer", "class"});
}

bool StartsWith(std::string_view text, std::string_view start) { return text.substr(0, start.size()) == start; }

Result<format::Part> PartOf(Row& row, format::Part of_container) {
  const std::string part = row.Text("part"), split = row.Text("split");
  if (!part.empty() && part != "train" && part != "test") return InvalidArgument("part: must be train or test");
  const bool held_out =
      part == "test" || StartsWith(split, "test") || StartsWith(split, "val") || StartsWith(split, "dev");
  return held_out ? format::Part::kTest : of_container;
}

Status ReadMeta(const Row& row, const Record& record, const RecordPlace& place, const SourceOptions& options,
                std::map<std::string, std::string>& meta) {
  meta = record.meta;
  size_t bytes = 0;
  for (const auto& [key, value] : meta) bytes += key.size() + value.size();
  for (const auto& [key, column] : row.Unread()) {
    if (!place.unknown_is_meta) {
      const std::string closest = ClosestWord(key, {row.read().begin(), row.read().end()});
      return InvalidArgument("unknown field '" + key + "'",
                             closest.empty() ? "put it into \"meta\"" : "did you mean '" + closest + "'?");
    }
    const bool fits = column.value.size() <= kMaxMetaValue && key.size() <= options.limits.max_key_bytes &&
                      bytes + key.size() + column.value.size() <= options.limits.max_meta_bytes;
    if (column.kind == Column::Kind::kJson || column.value.empty() || !fits) continue;
    bytes += key.size() + column.value.size();
    meta.emplace(key, column.value);
  }
  return Status::Ok();
}

Result<format::Sample> SampleFromRow(const Record& record, const Record::Pair* pair, const RecordPlace& place,
                                     const SourceOptions& options) {
  Row row(record, pair);
  for (const std::string& name : place.ignored) row.Ignore(name);
  format::Sample sample;
  const bool positional = pair != nullptr && pair->positional;
  sample.text = positional ? pair->text : FirstText(row, options.text_field, {"text", "question"});
  // Hand-made tables hold stray blanks and tabs: "yes" and "yes " are one class.
  std::string label = FoldBlanks(positional ? pair->label : LabelOf(row, options.label_field));
  if (label.empty()) label = place.label;
  if (!label.empty()) sample.label = std::move(label);
  sample.slice = row.Text(options.slice_field.empty() ? "slice" : options.slice_field);
  sample.source = row.Text("source");
  if (sample.source.empty()) sample.source = place.source;
  sample.id = row.Text("id");
  if (sample.id.empty() || pair != nullptr) sample.id = place.id;
  sample.group = row.Text("group");
  if (sample.group.empty()) sample.group = place.group;
  sample.image = place.image;
  if (const Column* image = row.Find("image"); image != nullptr && sample.image.empty()) {
    PERENNIAL_ASSIGN_OR_RETURN(sample.image, ImageFromText(image->value));
  }
  if (const std::string time = row.Text("time"); !time.empty()) {
    PERENNIAL_ASSIGN_OR_RETURN(sample.time_us, ParseTime(time));
  }
  PERENNIAL_ASSIGN_OR_RETURN(sample.part, PartOf(row, place.part));
  PERENNIAL_RETURN_IF_ERROR(ReadMeta(row, record, place, options, sample.meta));
  return sample;
}

}  // namespace

std::vector<Item> ItemsFromRecord(const Record& record, const RecordPlace& place, const SourceOptions& options) {
  std::vector<Item> items;
  if (!record.has_pairs) {
    items.push_back({SampleFromRow(record, nullptr, place, options), place.pointer});
    return items;
  }
  for (size_t i = 0; i < record.pairs.size(); ++i) {
    RecordPlace at = place;
    at.pointer += " qas/" + std::to_string(i);
    if (!place.id.empty()) at.id.append("/").append(std::to_string(i));
    items.push_back({SampleFromRow(record, &record.pairs[i], at, options), at.pointer});
  }
  return items;
}

}  // namespace perennial::sources
