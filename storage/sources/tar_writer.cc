#include "storage/sources/tar_writer.h"

#include <archive.h>
#include <archive_entry.h>

namespace perennial::sources {
namespace {

class LibarchiveWriter final : public TarWriter {
 public:
  LibarchiveWriter(archive* handle, std::string path) : archive_(handle), path_(std::move(path)) {}
  ~LibarchiveWriter() override { archive_write_free(archive_); }

  Status Add(const std::string& name, std::string_view bytes) override {
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, name.c_str());
    archive_entry_set_size(entry, static_cast<la_int64_t>(bytes.size()));
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    const int written = archive_write_header(archive_, entry);
    archive_entry_free(entry);
    if (written != ARCHIVE_OK) return Failed();
    if (archive_write_data(archive_, bytes.data(), bytes.size()) != static_cast<la_ssize_t>(bytes.size()))
      return Failed();
    return Status::Ok();
  }
  Status Close() override { return archive_write_close(archive_) == ARCHIVE_OK ? Status::Ok() : Failed(); }

 private:
  Status Failed() const {
    const char* text = archive_error_string(archive_);
    return IoError("write '" + path_ + "': " + (text == nullptr ? "unknown error" : text),
                   "check space and permissions");
  }

  archive* archive_;
  const std::string path_;
};

}  // namespace

Result<std::unique_ptr<TarWriter>> TarWriter::Create(const std::string& path) {
  archive* handle = archive_write_new();
  if (handle == nullptr) return ResourceExhausted("no memory for an archive writer");
  auto writer = std::make_unique<LibarchiveWriter>(handle, path);
  archive_write_set_format_ustar(handle);
  if (archive_write_open_filename(handle, path.c_str()) != ARCHIVE_OK) {
    const char* text = archive_error_string(handle);
    return IoError("write '" + path + "': " + (text == nullptr ? "cannot be opened" : text),
                   "check the path and permissions");
  }
  return std::unique_ptr<TarWriter>(std::move(writer));
}

}  // namespace perennial::sources
