#include "storage/sources/record_source.h"

#include <deque>
#include <map>

#include "storage/sources/csv_reader.h"
#include "storage/sources/line_reader.h"
#include "storage/sources/record.h"

namespace perennial::sources {
namespace {

// What both file kinds share: a record with its place becomes items.
class RecordSource : public Source {
 public:
  RecordSource(RecordFileOptions file, const SourceOptions& options) : file_(std::move(file)), options_(options) {}

  Result<std::optional<Item>> Next() final {
    while (ready_.empty()) {
      if (ended_ || !ReadRecord()) return std::optional<Item>();
    }
    Item item = std::move(ready_.front());
    ready_.pop_front();
    return std::optional<Item>(std::move(item));
  }
  std::optional<uint64_t> Size() const final { return std::nullopt; }

 protected:
  // Reads one record and calls Add or Refuse; false at the end.
  virtual bool ReadRecord() = 0;

  void Refuse(Status status, uint64_t line) { ready_.push_back({std::move(status), PointerAt(line)}); }
  // Nothing can be read after this.
  void End(Status status, uint64_t line) {
    Refuse(std::move(status), line);
    ended_ = true;
  }

  void Add(const Record& record, uint64_t line) {
    RecordPlace place;
    place.pointer = PointerAt(line);
    place.source = file_.source;
    place.part = file_.part;
    place.unknown_is_meta = file_.unknown_is_meta;
    if (file_.images) {
      if (Status status = FindImage(record, place); !status.ok()) {
        Refuse(std::move(status), line);
        return;
      }
    }
    for (Item& item : ItemsFromRecord(record, place, options_)) ready_.push_back(std::move(item));
  }

  const RecordFileOptions& file() const { return file_; }
  const SourceOptions& options() const { return options_; }

 private:
  std::string PointerAt(uint64_t line) const { return file_.pointer + " line " + std::to_string(line); }

  Status FindImage(const Record& record, RecordPlace& place) {
    const auto column = record.columns.find("file_name");
    place.ignored.push_back("file_name");
    if (column == record.columns.end() || column->second.value.empty()) {
      if (!file_.image_required) return Status::Ok();
      return InvalidArgument("no column file_name", "name the image of each line relative to the metadata file");
    }
    const std::string& name = column->second.value;
    PERENNIAL_ASSIGN_OR_RETURN(place.image, file_.images->Read(name, options_.limits.max_image_bytes));
    // Several questions may share a picture: the second one is NAME#2, and so on.
    const uint64_t count = ++uses_[name];
    place.id = place.group = file_.id_prefix + name;
    if (count > 1) place.id.append("#").append(std::to_string(count));
    return Status::Ok();
  }

  const RecordFileOptions file_;
  const SourceOptions options_;
  std::deque<Item> ready_;
  std::map<std::string, uint64_t> uses_;
  bool ended_ = false;
};

class JsonLinesSource final : public RecordSource {
 public:
  JsonLinesSource(std::unique_ptr<LineReader> lines, RecordFileOptions file, const SourceOptions& options)
      : RecordSource(std::move(file), options), lines_(std::move(lines)) {}

 private:
  bool ReadRecord() override {
    auto line = lines_->Next();
    const uint64_t number = lines_->line_number();
    if (!line.ok()) {
      line.status().code() == Code::kIoError ? End(line.status(), number) : Refuse(line.status(), number);
      return true;
    }
    if (!line->has_value()) {
      if (number > 0) return false;
      End(InvalidArgument("the file is empty", "write one JSON object a line"), 1);
      return true;
    }
    if ((*line)->find_first_not_of(" \t") == std::string::npos) return true;
    const auto record = RecordFromJson(**line);
    record.ok() ? Add(*record, number) : Refuse(record.status(), number);
    return true;
  }

  std::unique_ptr<LineReader> lines_;
};

class CsvSource final : public RecordSource {
 public:
  CsvSource(std::unique_ptr<CsvReader> rows, RecordFileOptions file, const SourceOptions& options)
      : RecordSource(std::move(file), options), rows_(std::move(rows)) {}

 private:
  bool ReadRecord() override {
    auto row = rows_->Next();
    const uint64_t line = rows_->line_number();
    if (!row.ok()) {
      row.status().code() == Code::kIoError ? End(row.status(), line) : Refuse(row.status(), line);
      return true;
    }
    if (!row->has_value()) return false;
    Record record;
    for (size_t i = 0; i < rows_->header().size(); ++i) {
      record.columns.emplace(rows_->header()[i], Column{Column::Kind::kText, std::move((**row)[i])});
    }
    Add(record, line);
    return true;
  }

  std::unique_ptr<CsvReader> rows_;
};

// Base64 takes four bytes for three.
size_t MaxLineBytes(const SourceOptions& options) { return options.limits.max_image_bytes / 3 * 4 + (1u << 20); }

}  // namespace

Result<std::unique_ptr<Source>> OpenJsonLines(const std::string& path, RecordFileOptions file,
                                              const SourceOptions& options) {
  PERENNIAL_ASSIGN_OR_RETURN(auto lines, LineReader::Open(path, MaxLineBytes(options)));
  return std::unique_ptr<Source>(std::make_unique<JsonLinesSource>(std::move(lines), std::move(file), options));
}

Result<std::unique_ptr<Source>> OpenCsv(const std::string& path, RecordFileOptions file, const SourceOptions& options) {
  PERENNIAL_ASSIGN_OR_RETURN(auto rows, CsvReader::Open(path, MaxLineBytes(options)));
  return std::unique_ptr<Source>(std::make_unique<CsvSource>(std::move(rows), std::move(file), options));
}

}  // namespace perennial::sources
