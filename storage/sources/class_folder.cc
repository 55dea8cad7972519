#include "storage/sources/class_folder.h"

#include "storage/sources/names.h"
#include "storage/sources/record.h"

namespace perennial::sources {
namespace {

class ClassFolderSource final : public Source {
 public:
  struct File {
    std::string name;   // relative to the folder
    std::string label;  // may be empty
  };
  ClassFolderSource(Folder folder, std::vector<File> files, std::string prefix, format::Part part, std::string source,
                    const SourceOptions& options)
      : folder_(std::move(folder)),
        files_(std::move(files)),
        prefix_(std::move(prefix)),
        part_(part),
        source_(std::move(source)),
        options_(options) {}

  Result<std::optional<Item>> Next() override {
    if (at_ == files_.size()) return std::optional<Item>();
    const File& file = files_[at_++];
    RecordPlace place;
    place.pointer = place.id = prefix_ + file.name;
    place.source = source_;
    place.label = file.label;
    place.part = part_;
    auto image = folder_.Read(file.name, options_.limits.max_image_bytes);
    if (!image.ok()) return std::optional<Item>(Item{image.status(), place.pointer});
    place.image = std::move(*image);
    return std::optional<Item>(std::move(ItemsFromRecord(Record(), place, options_).front()));
  }
  std::optional<uint64_t> Size() const override { return files_.size(); }

 private:
  const Folder folder_;
  const std::vector<File> files_;
  const std::string prefix_;
  const format::Part part_;
  const std::string source_;
  const SourceOptions options_;
  size_t at_ = 0;
};

}  // namespace

bool HasImageName(std::string_view name) {
  const std::string extension = Extension(name);
  return extension == "jpg" || extension == "jpeg" || extension == "png";
}

Result<std::unique_ptr<Source>> OpenClassFolder(const Folder& folder, const std::string& prefix, format::Part part,
                                                const std::string& source, const SourceOptions& options) {
  std::vector<ClassFolderSource::File> files;
  PERENNIAL_ASSIGN_OR_RETURN(const auto entries, folder.List());
  for (const Folder::Entry& entry : entries) {
    if (!entry.is_folder) {
      if (HasImageName(entry.name)) files.push_back({entry.name, ""});
      continue;
    }
    PERENNIAL_ASSIGN_OR_RETURN(const Folder inner, folder.Sub(entry.name));
    PERENNIAL_ASSIGN_OR_RETURN(const auto images, inner.List());
    for (const Folder::Entry& image : images) {
      if (!image.is_folder && HasImageName(image.name)) files.push_back({entry.name + "/" + image.name, entry.name});
    }
  }
  if (files.empty()) {
    return InvalidArgument(
        "nothing to read in '" + folder.path() + "'",
        "put metadata.jsonl beside the images, or one folder per class, or .tar, .ndjson or .csv files");
  }
  return std::unique_ptr<Source>(
      std::make_unique<ClassFolderSource>(folder, std::move(files), prefix, part, source, options));
}

}  // namespace perennial::sources
