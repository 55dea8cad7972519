#include <filesystem>

#include "storage/sources/chain_source.h"
#include "storage/sources/class_folder.h"
#include "storage/sources/folder.h"
#include "storage/sources/idx_source.h"
#include "storage/sources/names.h"
#include "storage/sources/record_source.h"
#include "storage/sources/source.h"
#include "storage/sources/tar_source.h"

namespace perennial::sources {
namespace fs = std::filesystem;
namespace {

using format::Part;

// What stays the same while a path is taken apart.
struct Context {
  SourceOptions options;
  std::string source;  // Sample::source where the data does not say
};

bool IsDataFile(const std::string& name) {
  return HasTarName(name) || HasJsonLinesName(name) || Extension(name) == "csv";
}

Part PartOf(const std::string& name, Part outer) { return NamesTestPart(name) ? Part::kTest : outer; }

// A file of records or a tar. `prefix` stands before the ids of tars and image names.
Result<std::unique_ptr<Source>> OpenFile(const Context& context, const std::string& path, const std::string& pointer,
                                         const std::string& prefix, Part part) {
  if (HasTarName(path)) return OpenTar(path, pointer, prefix, part, context.source, context.options);
  RecordFileOptions file;
  file.pointer = pointer;
  file.source = context.source;
  file.part = part;
  file.id_prefix = prefix;
  if (HasJsonLinesName(path)) {
    file.unknown_is_meta = false;
    return OpenJsonLines(path, std::move(file), context.options);
  }
  PERENNIAL_ASSIGN_OR_RETURN(
      file.images,
      Folder::Open(fs::path(path).parent_path().string().empty() ? "." : fs::path(path).parent_path().string()));
  return OpenCsv(path, std::move(file), context.options);
}

// Image folder with metadata.jsonl or metadata.csv.
Result<std::unique_ptr<Source>> OpenMetadata(const Context& context, const Folder& folder, const std::string& name,
                                             const std::string& prefix, Part part) {
  RecordFileOptions file;
  file.pointer = prefix + name;
  file.source = context.source;
  file.part = part;
  file.images = folder;
  file.image_required = true;
  file.id_prefix = prefix;
  const std::string path = folder.path() + "/" + name;
  return Extension(name) == "csv" ? OpenCsv(path, std::move(file), context.options)
                                  : OpenJsonLines(path, std::move(file), context.options);
}

Result<std::unique_ptr<Source>> OpenFolder(const Context& context, const Folder& folder, const std::string& prefix,
                                           Part part);

// The containers of a folder: data files and train*/test* folders. Within such a folder (`prefix` is not empty) a
// folder of that name is a class: train/train/1.png shows a train.
std::vector<Link> LinksOf(const Context& context, const Folder& folder, const std::vector<Folder::Entry>& entries,
                          const std::string& prefix, Part outer) {
  std::vector<Link> test, train;
  size_t tars = 0;
  for (const auto& entry : entries) tars += !entry.is_folder && HasTarName(entry.name) ? 1 : 0;
  for (const auto& entry : entries) {
    const Part part = PartOf(entry.name, outer);
    std::vector<Link>& links = part == Part::kTest ? test : train;
    const std::string pointer = prefix + entry.name;
    if (entry.is_folder && prefix.empty() && (NamesTestPart(entry.name) || NamesTrainPart(entry.name))) {
      links.push_back({pointer, [=]() -> Result<std::unique_ptr<Source>> {
                         PERENNIAL_ASSIGN_OR_RETURN(const Folder inner, folder.Sub(entry.name));
                         return OpenFolder(context, inner, pointer + "/", part);
                       }});
    } else if (!entry.is_folder && IsDataFile(entry.name)) {
      // Keys are unique within one archive only.
      const std::string id_prefix = tars > 1 && HasTarName(entry.name) ? prefix + Stem(entry.name) + "/" : prefix;
      const std::string path = folder.path() + "/" + entry.name;
      links.push_back({pointer, [=] { return OpenFile(context, path, pointer, id_prefix, part); }});
    } else if (const auto labels = IdxLabelsName(entry.name); !entry.is_folder && labels) {
      const Part idx_part = IsIdxTestPart(entry.name) ? Part::kTest : outer;
      (idx_part == Part::kTest ? test : train).push_back({pointer, [=] {
                                                            const std::string name =
                                                                prefix +
                                                                entry.name.substr(0, entry.name.find("-images"));
                                                            return OpenIdx(folder.path() + "/" + entry.name,
                                                                           folder.path() + "/" + *labels, name,
                                                                           idx_part, context.source);
                                                          }});
    }
  }
  test.insert(test.end(), train.begin(), train.end());
  return test;
}

Result<std::unique_ptr<Source>> OpenFolder(const Context& context, const Folder& folder, const std::string& prefix,
                                           Part part) {
  PERENNIAL_ASSIGN_OR_RETURN(const auto entries, folder.List());
  for (const auto& entry : entries) {
    if (!entry.is_folder && (entry.name == "metadata.jsonl" || entry.name == "metadata.csv")) {
      return OpenMetadata(context, folder, entry.name, prefix, part);
    }
  }
  auto links = LinksOf(context, folder, entries, prefix, part);
  if (!links.empty()) return Chain(std::move(links));
  return OpenClassFolder(folder, prefix, part, context.source, context.options);
}

// slices.toml in the folder, or beside the file.
Status FindSlices(const std::string& path, bool is_folder, SourceOptions& options) {
  if (options.slices) return Status::Ok();
  const fs::path folder = is_folder ? fs::path(path) : fs::path(path).parent_path();
  const fs::path rules = folder / "slices.toml";
  std::error_code error;
  if (!fs::exists(rules, error)) return Status::Ok();
  PERENNIAL_ASSIGN_OR_RETURN(options.slices, SliceRules::Load(rules.string()));
  return Status::Ok();
}

Result<std::unique_ptr<Source>> OpenRaw(const Context& context, const std::string& path, bool is_folder) {
  const std::string name = LastComponent(path);
  if (path == "-")
    return OpenJsonLines("-", {"stdin", context.source, Part::kTrain, {}, false, false, ""}, context.options);
  const Part part = NamesTestPart(name) ? Part::kTest : Part::kTrain;
  if (is_folder) {
    PERENNIAL_ASSIGN_OR_RETURN(const Folder folder, Folder::Open(path));
    return OpenFolder(context, folder, "", part);
  }
  if (!IsDataFile(name)) {
    return InvalidArgument(Quoted(path) + ": unknown kind of data",
                           "expected a folder, .tar, .tar.gz, .ndjson, .jsonl, .csv or -");
  }
  std::vector<Link> links;
  links.push_back({name, [=] { return OpenFile(context, path, name, "", part); }});
  return Chain(std::move(links));
}

}  // namespace

Result<std::unique_ptr<Source>> OpenSource(const std::string& path, const SourceOptions& options) {
  Context context{options, options.source_name};
  std::error_code error;
  const bool is_folder = path != "-" && fs::is_directory(path, error);
  if (path != "-" && !fs::exists(path, error)) return NotFound(Quoted(path) + " does not exist", "check the path");
  if (context.source.empty()) {
    context.source = path == "-" ? "stdin" : LastComponent(fs::absolute(path).lexically_normal().string());
  }
  if (path != "-") PERENNIAL_RETURN_IF_ERROR(FindSlices(path, is_folder, context.options));
  PERENNIAL_ASSIGN_OR_RETURN(auto raw, OpenRaw(context, path, is_folder));
  auto source = Finish(std::move(raw), context.options);
  // A stream from standard input may never end, so it cannot be ordered.
  const bool order =
      options.order_by_slice && path != "-" && context.options.slices && !context.options.slices->order().empty();
  if (!order) return source;
  return OrderBySlice(std::move(source), context.options.slices->order());
}

}  // namespace perennial::sources
