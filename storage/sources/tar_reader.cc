#include "storage/sources/tar_reader.h"

#include <archive.h>
#include <archive_entry.h>

#include <filesystem>
#include <fstream>

#include "storage/sources/names.h"

namespace perennial::sources {
namespace {

constexpr size_t kReadBlock = 1u << 16;
constexpr size_t kTarBlock = 512;

std::string NameOf(archive_entry* entry) {
  const char* name = archive_entry_pathname_utf8(entry);
  if (name == nullptr) name = archive_entry_pathname(entry);
  return name == nullptr ? "" : name;
}

bool LeavesArchive(const std::string& name) {
  const std::filesystem::path path(name);
  if (name.empty() || path.is_absolute()) return true;
  for (const auto& part : path) {
    if (part == "..") return true;
  }
  return false;
}

// A tar ends with two blocks of zeros; without them it was cut between two members, which the reader cannot see.
bool EndMarkMissing(const std::string& path) {
  if (Extension(path) != "tar") return false;
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  const auto size = static_cast<int64_t>(file.tellg());
  if (size < static_cast<int64_t>(2 * kTarBlock)) return true;
  std::string tail(2 * kTarBlock, '\1');
  file.seekg(size - static_cast<int64_t>(tail.size()));
  file.read(tail.data(), static_cast<std::streamsize>(tail.size()));
  return tail.find_first_not_of('\0') != std::string::npos;
}

class LibarchiveReader final : public TarReader {
 public:
  LibarchiveReader(archive* handle, std::string path) : archive_(handle), path_(std::move(path)) {}
  ~LibarchiveReader() override { archive_read_free(archive_); }

  Result<std::optional<Member>> Next(uint64_t max_member_bytes) override {
    while (true) {
      archive_entry* entry = nullptr;
      const int result = archive_read_next_header(archive_, &entry);
      if (result == ARCHIVE_EOF) {
        if (members_ == 0) return Damaged("it holds no members");
        if (EndMarkMissing(path_)) return Damaged("its end mark is missing, so it was cut");
        return std::optional<Member>();
      }
      if (result < ARCHIVE_WARN) return Damaged(LastError());
      ++members_;
      if (archive_entry_filetype(entry) == AE_IFDIR) continue;
      Member member;
      member.name = NameOf(entry);
      if (LastComponent(member.name).starts_with('.')) continue;
      member.error = Check(entry, member.name, max_member_bytes);
      if (member.error.ok()) PERENNIAL_RETURN_IF_ERROR(ReadBytes(max_member_bytes, member));
      return std::optional<Member>(std::move(member));
    }
  }

 private:
  std::string LastError() const {
    const char* text = archive_error_string(archive_);
    return text == nullptr ? "it cannot be read" : text;
  }
  static Status Damaged(const std::string& why) {
    return Corruption("the archive is damaged or cut short: " + why,
                      "copy it again; members before this point were read");
  }

  static Status Check(archive_entry* entry, const std::string& name, uint64_t max_bytes) {
    if (LeavesArchive(name)) return InvalidArgument(Quoted(name) + " leaves the archive", "use relative names");
    if (archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry) != nullptr) {
      return InvalidArgument("a link or device, not a file", "store the files themselves");
    }
    if (static_cast<uint64_t>(archive_entry_size(entry)) > max_bytes) {
      return ResourceExhausted("larger than " + std::to_string(max_bytes) + " bytes");
    }
    return Status::Ok();
  }

  Status ReadBytes(uint64_t max_bytes, Member& member) {
    char block[kReadBlock];
    while (true) {
      const la_ssize_t got = archive_read_data(archive_, block, sizeof(block));
      if (got == 0) return Status::Ok();
      if (got < 0) return Damaged(member.name + ": " + LastError());
      member.bytes.append(block, static_cast<size_t>(got));
      if (member.bytes.size() > max_bytes) {
        member.error = ResourceExhausted("larger than " + std::to_string(max_bytes) + " bytes");
        member.bytes.clear();
        return Status::Ok();  // the next header skips the rest
      }
    }
  }

  archive* archive_;
  const std::string path_;
  uint64_t members_ = 0;
};

}  // namespace

Result<std::unique_ptr<TarReader>> TarReader::Open(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return NotFound("open '" + path + "': no such file", "check the path");
  archive* handle = archive_read_new();
  if (handle == nullptr) return ResourceExhausted("no memory for an archive reader");
  auto reader = std::make_unique<LibarchiveReader>(handle, path);
  archive_read_support_format_tar(handle);
  archive_read_support_filter_gzip(handle);
  if (archive_read_open_filename(handle, path.c_str(), kReadBlock) != ARCHIVE_OK) {
    const char* text = archive_error_string(handle);
    return Corruption(Quoted(path) + " is not a tar: " + (text == nullptr ? "unreadable" : text),
                      "expected .tar or .tar.gz");
  }
  return std::unique_ptr<TarReader>(std::move(reader));
}

}  // namespace perennial::sources
