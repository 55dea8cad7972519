#include "storage/sources/folder.h"

#include <algorithm>
#include <filesystem>

#include "storage/base/env.h"
#include "storage/sources/names.h"

namespace perennial::sources {
namespace fs = std::filesystem;
namespace {

bool IsBelow(const fs::path& root, const fs::path& path) {
  const auto [at, unused] = std::mismatch(root.begin(), root.end(), path.begin(), path.end());
  return at == root.end();
}

Status Leaves(const std::string& name) {
  return InvalidArgument(Quoted(name) + " leaves the data folder", "use names below the folder of the metadata");
}

}  // namespace

Result<Folder> Folder::Open(const std::string& path) {
  std::error_code error;
  const fs::path root = fs::canonical(path, error);
  if (error) return NotFound("open '" + path + "': " + error.message(), "check the path");
  if (!fs::is_directory(root, error)) return InvalidArgument(Quoted(path) + " is not a folder");
  return Folder(root.string());
}

Result<std::string> Folder::Resolve(const std::string& name) const {
  const fs::path relative(name);
  if (name.empty() || name.find('\0') != std::string::npos) return InvalidArgument("an empty or malformed file name");
  if (relative.is_absolute()) return Leaves(name);
  for (const fs::path& part : relative) {
    if (part == "..") return Leaves(name);
  }
  std::error_code error;
  const fs::path real = fs::canonical(fs::path(root_) / relative, error);
  if (error) return NotFound(Quoted(name) + ": " + error.message(), "the data names a file that is not there");
  if (!IsBelow(root_, real)) return Leaves(name);
  return real.string();
}

Result<std::string> Folder::Read(const std::string& name, uint64_t max_bytes) const {
  PERENNIAL_ASSIGN_OR_RETURN(const std::string path, Resolve(name));
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return InvalidArgument(Quoted(name) + " is not a regular file");
  PERENNIAL_ASSIGN_OR_RETURN(std::string bytes, Env::Posix().ReadFile(path, max_bytes));
  if (bytes.empty()) return InvalidArgument(Quoted(name) + " is an empty file");
  return bytes;
}

Result<Folder> Folder::Sub(const std::string& name) const {
  PERENNIAL_ASSIGN_OR_RETURN(const std::string path, Resolve(name));
  return Open(path);
}

Result<std::vector<Folder::Entry>> Folder::List() const {
  std::vector<Entry> entries;
  std::error_code error;
  for (fs::directory_iterator it(root_, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (name.starts_with('.')) continue;
    const auto path = Resolve(name);
    if (!path.ok()) continue;
    std::error_code ignored;
    entries.push_back({name, fs::is_directory(*path, ignored)});
  }
  if (error) return IoError("list '" + root_ + "': " + error.message());
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.name < b.name; });
  return entries;
}

}  // namespace perennial::sources
