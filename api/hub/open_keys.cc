#include "api/hub/open_keys.h"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>

namespace perennial::hub {
namespace {

namespace fs = std::filesystem;

// Makes the rename itself durable: nodes are given these keys and must meet them again after a power cut.
Status SyncFolder(const fs::path& folder) {
  const int fd = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return IoError("open folder " + folder.string());
  const int synced = ::fsync(fd);
  (void)::close(fd);
  return synced == 0 ? Status::Ok() : IoError("fsync folder " + folder.string());
}

Status MakeKeys(const std::string& folder) {
  fs::path target(folder);
  if (!target.has_filename()) target = target.parent_path();  // "keys/"
  const fs::path unfinished = target.string() + ".unfinished";
  std::error_code error;
  fs::remove_all(unfinished, error);  // of a start that did not come this far; nobody was given those keys
  PERENNIAL_RETURN_IF_ERROR(trust::HubKeyring::Init(unfinished.string()));
  fs::rename(unfinished, target, error);
  if (error) {
    fs::remove_all(unfinished, error);
    return IoError("make the keys in " + folder + ": the folder holds other files", "choose another with --keys");
  }
  return SyncFolder(target.parent_path());
}

}  // namespace

Result<std::unique_ptr<trust::HubKeyring>> OpenKeys(const std::string& folder, bool init) {
  auto keys = trust::HubKeyring::Load(folder);
  if (keys.ok() || keys.status().code() != Code::kNotFound) return keys;
  if (!init) return NotFound(keys.status().message(), "run 'perennial keys init', or start with --init-keys");
  PERENNIAL_RETURN_IF_ERROR(MakeKeys(folder));
  return trust::HubKeyring::Load(folder);
}

}  // namespace perennial::hub
