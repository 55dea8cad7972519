#pragma once

#include <memory>
#include <optional>
#include <string>

#include "storage/sources/folder.h"
#include "storage/sources/source.h"

namespace perennial::sources {

// How a file of records is read.
struct RecordFileOptions {
  std::string pointer;  // name of the file in pointers: "train/metadata.jsonl"
  std::string source;   // Sample::source where the data does not say
  format::Part part = format::Part::kTrain;
  // Folder that column "file_name" is relative to; absent: the column has no meaning.
  std::optional<Folder> images;
  bool image_required = false;  // an image folder: every record names its file
  bool unknown_is_meta = true;
  std::string id_prefix;  // put before ids made from file names
};

// NDJSON ("-": standard input): a JSON object a line, blank lines skipped.
Result<std::unique_ptr<Source>> OpenJsonLines(const std::string& path, RecordFileOptions file,
                                              const SourceOptions& options);
// CSV with a header line.
Result<std::unique_ptr<Source>> OpenCsv(const std::string& path, RecordFileOptions file, const SourceOptions& options);

}  // namespace perennial::sources
