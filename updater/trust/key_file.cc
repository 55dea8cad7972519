#include "updater/trust/key_file.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "storage/base/env.h"
#include "updater/trust/secret_bytes.h"

namespace perennial::trust {
namespace {

constexpr size_t kMaxKeyFileBytes = 4096;

Status RefuseIfOthersMayRead(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) {
    const Code code = errno == ENOENT ? Code::kNotFound : Code::kIoError;
    return Status(code, "key file " + path + ": " + std::strerror(errno));
  }
  if ((info.st_mode & 077) == 0) return Status::Ok();
  return PermissionDenied("key file " + path + " is open to other users", "run chmod 600 " + path);
}

std::vector<std::string> SplitWords(std::string_view line) {
  std::vector<std::string> words;
  while (!line.empty()) {
    const size_t space = line.find(' ');
    words.emplace_back(line.substr(0, space));
    line = space == std::string_view::npos ? std::string_view() : line.substr(space + 1);
  }
  return words;
}

}  // namespace

Status WriteKeyFile(const std::string& path, KeyFileAccess access, std::string_view kind,
                    const std::vector<std::string>& words) {
  // Room for all at once: a string that grows leaves copies of the secret behind.
  std::string line;
  line.reserve(kMaxKeyFileBytes);
  line += kind;
  for (const std::string& word : words) line.append(" ").append(word);
  line += '\n';
  const Status written = Env::Posix().WriteFileAtomic(path, line, access == KeyFileAccess::kSecret ? 0600u : 0644u);
  Wipe(line);
  return written;
}

Result<std::vector<std::string>> ReadKeyFile(const std::string& path, KeyFileAccess access, std::string_view kind,
                                             size_t words) {
  if (access == KeyFileAccess::kSecret) PERENNIAL_RETURN_IF_ERROR(RefuseIfOthersMayRead(path));
  PERENNIAL_ASSIGN_OR_RETURN(std::string line, Env::Posix().ReadFile(path, kMaxKeyFileBytes));
  const bool whole = !line.empty() && line.back() == '\n';
  if (whole) line.pop_back();
  std::vector<std::string> found = SplitWords(line);
  Wipe(line);
  if (!whole || found.size() != words + 1 || found[0] != kind) {
    for (std::string& word : found) Wipe(word);
    return Corruption("key file " + path + " is not a whole '" + std::string(kind) + "' file",
                      "restore it from a backup or make new keys");
  }
  found.erase(found.begin());
  return found;
}

}  // namespace perennial::trust
