#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/status.h"
#include "storage/format/sample.h"

namespace perennial::sources {

// Assigns slices by rules: the first rule whose regular expression (ECMAScript, case ignored) matches the text wins.
// Read from TOML: `order = ["a", "b"]` and `[[rule]] slice = "a"  text = 'regex'`. Immutable; thread-safe.
class SliceRules {
 public:
  static Result<SliceRules> Parse(std::string_view toml, const std::string& name);
  static Result<SliceRules> Load(const std::string& path);
  // nullopt when no rule matches.
  std::optional<std::string> SliceOf(std::string_view text) const;
  // The order in which the slices arrive in the stream; empty when the file gives none.
  const std::vector<std::string>& order() const { return order_; }

 private:
  struct Rule;
  std::vector<std::string> order_;
  std::vector<std::shared_ptr<const Rule>> rules_;
};

struct SourceOptions {
  std::string source_name;           // Sample::source where the data does not say; empty: the path's last component
  std::string text_field;            // JSON or CSV column of the text; empty: "text", else "question"
  std::string label_field;           // empty: "label", else "answer", else "class"
  std::string slice_field;           // empty: "slice"
  std::optional<SliceRules> slices;  // --slices FILE; else slices.toml beside the data is used when there
  bool order_by_slice = true;        // with SliceRules::order(): all of the first slice first, test parts first of all
  format::SampleLimits limits;
};

// One item of a source: a sample, or why there is none. `pointer` says where it stood ("train.tar.gz!q12.json qas/3").
struct Item {
  Result<format::Sample> sample;
  std::string pointer;
};

// A pull reader of samples. Deterministic: the same data gives the same samples in the same order, so position N is a
// resume point. Bad items come out as errors and reading goes on; only an unreadable container ends it.
// Thread-compatible.
class Source {
 public:
  virtual ~Source() = default;
  // The next item; nullopt at the end.
  virtual Result<std::optional<Item>> Next() = 0;
  // Items in all when cheaply known (for progress bars).
  virtual std::optional<uint64_t> Size() const = 0;
};

// Finds out what PATH is: a folder (image folder with metadata.jsonl or metadata.csv; one folder per class; train/ and
// test/ parts; or a folder of tars, as ../shared/data/easy_vqa), a .tar or .tar.gz (WebDataset), .ndjson or .jsonl,
// .csv, "-" (NDJSON on standard input). Files or folders named test* are the test part. Paths inside the data may not
// leave it.
Result<std::unique_ptr<Source>> OpenSource(const std::string& path, const SourceOptions& options);

// One NDJSON line or JSON object -> sample: fields image (base64 or data URI), text, label, source, id, group, slice,
// time (RFC 3339 or microseconds), part, meta. An unknown field is an error naming the closest known one.
Result<format::Sample> SampleFromJson(std::string_view json);
// The inverse, on one line.
std::string SampleToJson(const format::Sample& sample);

}  // namespace perennial::sources
