#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "storage/base/env.h"
#include "storage/sources/names.h"
#include "storage/sources/simulator.h"
#include "storage/sources/tar_writer.h"

namespace perennial::sources {
namespace fs = std::filesystem;
namespace {

using nlohmann::json;

// The questions of one picture.
struct Picture {
  std::string key, extension, image, slice;
  std::vector<format::Sample> samples;
};

// Where the pictures of one part go.
class PartWriter {
 public:
  virtual ~PartWriter() = default;
  virtual Status Add(const Picture& picture) = 0;
  virtual Status Close() = 0;
};

class FolderPart final : public PartWriter {
 public:
  static Result<std::unique_ptr<PartWriter>> Create(const std::string& path) {
    PERENNIAL_RETURN_IF_ERROR(Env::Posix().CreateDirectories(path));
    return std::unique_ptr<PartWriter>(std::make_unique<FolderPart>(path));
  }
  explicit FolderPart(std::string path) : path_(std::move(path)), lines_(path_ + "/metadata.jsonl", std::ios::binary) {}

  Status Add(const Picture& picture) override {
    const std::string name = picture.key + picture.extension;
    std::ofstream file(path_ + "/" + name, std::ios::binary);
    file << picture.image;
    file.close();
    for (const format::Sample& sample : picture.samples) {
      lines_ << json{{"file_name", name},     {"text", sample.text}, {"label", *sample.label},
                     {"slice", sample.slice}, {"id", sample.id},     {"group", sample.group}}
                    .dump()
             << '\n';
    }
    return file && lines_ ? Status::Ok() : Failed();
  }
  Status Close() override {
    lines_.close();
    return lines_ ? Status::Ok() : Failed();
  }

 private:
  Status Failed() const { return IoError("write into '" + path_ + "' failed", "check space and permissions"); }
  const std::string path_;
  std::ofstream lines_;
};

class TarPart final : public PartWriter {
 public:
  static Result<std::unique_ptr<PartWriter>> Create(const std::string& path) {
    PERENNIAL_ASSIGN_OR_RETURN(auto tar, TarWriter::Create(path));
    return std::unique_ptr<PartWriter>(std::make_unique<TarPart>(std::move(tar)));
  }
  explicit TarPart(std::unique_ptr<TarWriter> tar) : tar_(std::move(tar)) {}

  Status Add(const Picture& picture) override {
    json pairs = json::array();
    for (const format::Sample& sample : picture.samples) pairs.push_back({sample.text, *sample.label});
    PERENNIAL_RETURN_IF_ERROR(tar_->Add(picture.key + picture.extension, picture.image));
    return tar_->Add(picture.key + ".json", json{{"slice", picture.slice}, {"qas", pairs}}.dump());
  }
  Status Close() override { return tar_->Close(); }

 private:
  std::unique_ptr<TarWriter> tar_;
};

Status PrepareFolder(const std::string& path) {
  std::error_code error;
  if (fs::exists(path, error) && !fs::is_empty(path, error)) {
    return {Code::kAlreadyExists, Quoted(path) + " exists and is not empty", "choose another folder or remove it"};
  }
  return Env::Posix().CreateDirectories(path);
}

Status WriteSlices(const SimulatorOptions& options, const std::string& path) {
  std::string toml = "# The slices in the order in which they arrive; each sample names its own.\norder = [";
  const auto schedule = options.schedule.empty() ? SimulatorSlices() : options.schedule;
  for (size_t i = 0; i < schedule.size(); ++i)
    toml.append(i > 0 ? ", " : "").append("\"").append(schedule[i]).append("\"");
  return Env::Posix().WriteFileAtomic(path + "/slices.toml", toml + "]\n", 0644);
}

// Reads the simulator picture by picture.
Status WriteAll(Source& source, const std::string& extension,
                std::map<format::Part, std::unique_ptr<PartWriter>>& parts) {
  Picture picture;
  format::Part part = format::Part::kTest;
  while (true) {
    PERENNIAL_ASSIGN_OR_RETURN(auto item, source.Next());
    if (item && !item->sample.ok()) return item->sample.status();
    const bool same = item && item->sample->group == picture.key;
    if (!same && !picture.samples.empty()) PERENNIAL_RETURN_IF_ERROR(parts[part]->Add(picture));
    if (!item) return Status::Ok();
    format::Sample& sample = *item->sample;
    if (!same) picture = {sample.group, extension, sample.image, sample.slice, {}};
    part = sample.part;
    picture.samples.push_back(std::move(sample));
  }
}

}  // namespace

Status WriteDataset(const SimulatorOptions& options, const std::string& path, DatasetLayout layout) {
  PERENNIAL_ASSIGN_OR_RETURN(auto source, OpenSimulator(options));
  PERENNIAL_RETURN_IF_ERROR(PrepareFolder(path));
  std::map<format::Part, std::unique_ptr<PartWriter>> parts;
  for (const auto& [part, name] : {std::pair{format::Part::kTest, "/test"}, {format::Part::kTrain, "/train"}}) {
    const std::string target = path + name;
    PERENNIAL_ASSIGN_OR_RETURN(
        parts[part], layout == DatasetLayout::kTar ? TarPart::Create(target + ".tar") : FolderPart::Create(target));
  }
  PERENNIAL_RETURN_IF_ERROR(WriteAll(*source, options.jpeg ? ".jpg" : ".png", parts));
  for (const auto& [part, writer] : parts) PERENNIAL_RETURN_IF_ERROR(writer->Close());
  return WriteSlices(options, path);
}

}  // namespace perennial::sources
