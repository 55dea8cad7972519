#include "storage/sources/tar_source.h"

#include <deque>
#include <vector>

#include "storage/sources/class_folder.h"
#include "storage/sources/names.h"
#include "storage/sources/record.h"
#include "storage/sources/tar_reader.h"

namespace perennial::sources {
namespace {

// Everything of a member's name up to the first dot of its last component.
std::string KeyOf(const std::string& member) {
  const size_t slash = member.rfind('/');
  const size_t from = slash == std::string::npos ? 0 : slash + 1;
  return member.substr(0, member.find('.', from));
}

class TarSource final : public Source {
 public:
  TarSource(std::unique_ptr<TarReader> reader, std::string name, std::string prefix, format::Part part,
            std::string source, const SourceOptions& options)
      : reader_(std::move(reader)),
        name_(std::move(name)),
        prefix_(std::move(prefix)),
        part_(part),
        source_(std::move(source)),
        options_(options) {}

  Result<std::optional<Item>> Next() override {
    while (ready_.empty()) {
      if (ended_) return std::optional<Item>();
      ReadMember();
    }
    Item item = std::move(ready_.front());
    ready_.pop_front();
    return std::optional<Item>(std::move(item));
  }
  std::optional<uint64_t> Size() const override { return std::nullopt; }

 private:
  // The members of one key, as far as they were met.
  struct Pending {
    std::string key;
    std::string image, json, json_name, text, label;
    bool any = false;
    bool broken = false;  // a member was refused: its error stands for the whole key
  };

  void ReadMember() {
    auto next = reader_->Next(options_.limits.max_image_bytes);
    if (!next.ok()) {
      // The key at the cut may lack members: it is dropped with the error.
      const std::string at = pending_.any ? name_ + "!" + pending_.key : name_;
      ready_.push_back({next.status(), at});
      ended_ = true;
      return;
    }
    if (!next->has_value()) {
      Flush();
      ended_ = true;
      return;
    }
    TarReader::Member& member = **next;
    if (std::string key = KeyOf(member.name); key != pending_.key) {
      Flush();
      pending_.key = std::move(key);
    }
    Take(member);
  }

  void Take(TarReader::Member& member) {
    const std::string extension = Extension(member.name);
    if (!member.error.ok()) {
      ready_.push_back({member.error, name_ + "!" + member.name});
      pending_.broken = true;
    } else if (HasImageName(member.name)) {
      pending_.image = std::move(member.bytes);
    } else if (extension == "json") {
      pending_.json = std::move(member.bytes);
      pending_.json_name = member.name;
    } else if (extension == "txt") {
      pending_.text = Trimmed(member.bytes);
    } else if (extension == "cls") {
      pending_.label = Trimmed(member.bytes);
    } else {
      return;  // other modalities and notes
    }
    pending_.any = true;
  }

  void Flush() {
    const Pending pending = std::exchange(pending_, {});
    if (!pending.any || pending.broken) return;
    RecordPlace place;
    place.pointer = name_ + "!" + (pending.json_name.empty() ? pending.key : pending.json_name);
    place.source = source_;
    place.id = place.group = prefix_ + pending.key;
    place.image = pending.image;
    place.label = pending.label;
    place.part = part_;
    Record record;
    if (!pending.json_name.empty()) {
      auto parsed = RecordFromJson(pending.json);
      if (!parsed.ok()) {
        ready_.push_back({parsed.status(), place.pointer});
        return;
      }
      record = std::move(*parsed);
      record.columns.erase(
          "id");  // KEY names the sample: unique in the archive, which a number of the data set may not be
    }
    const std::string text_name = options_.text_field.empty() ? "text" : options_.text_field;
    if (!pending.text.empty()) record.columns.try_emplace(text_name, Column{Column::Kind::kText, pending.text});
    for (Item& item : ItemsFromRecord(record, place, options_)) ready_.push_back(std::move(item));
  }

  std::unique_ptr<TarReader> reader_;
  const std::string name_, prefix_;
  const format::Part part_;
  const std::string source_;
  const SourceOptions options_;
  Pending pending_;
  std::deque<Item> ready_;
  bool ended_ = false;
};

}  // namespace

Result<std::unique_ptr<Source>> OpenTar(const std::string& path, const std::string& name, const std::string& prefix,
                                        format::Part part, const std::string& source, const SourceOptions& options) {
  PERENNIAL_ASSIGN_OR_RETURN(auto reader, TarReader::Open(path));
  return std::unique_ptr<Source>(std::make_unique<TarSource>(std::move(reader), name, prefix, part, source, options));
}

}  // namespace perennial::sources
