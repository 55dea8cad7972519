#include "storage/kv/rocks_environment.h"

#include <rocksdb/file_system.h>

#include <cstdarg>
#include <cstdio>
#include <string>

#include "storage/base/log.h"

namespace perennial::kv {
namespace {

class LogForwarder final : public rocksdb::Logger {
 public:
  LogForwarder() : Logger(rocksdb::InfoLogLevel::WARN_LEVEL) {}
  using Logger::Logv;
  void LogHeader(const char*, va_list) override {}
  void Logv(const char* format, va_list arguments) override {
    Logv(rocksdb::InfoLogLevel::INFO_LEVEL, format, arguments);
  }
  void Logv(const rocksdb::InfoLogLevel level, const char* format, va_list arguments) override {
    if (level < GetInfoLogLevel() || level == rocksdb::InfoLogLevel::HEADER_LEVEL) return;
    char line[1024];
    (void)std::vsnprintf(line, sizeof line, format, arguments);
    if (level == rocksdb::InfoLogLevel::WARN_LEVEL) {
      log::Debug("rocksdb", {{"message", line}});
    } else {
      log::Warn("rocksdb", {{"message", line}});
    }
  }
};

// A file whose appends draw on the quota; what no longer fits is cut, as the kernel does on a full disk.
class QuotaFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  QuotaFile(std::unique_ptr<rocksdb::FSWritableFile> inner, std::shared_ptr<DiskQuota> quota)
      : FSWritableFileOwnerWrapper(std::move(inner)), quota_(std::move(quota)) {}
  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           rocksdb::IODebugContext* debug) override {
    const uint64_t granted = quota_->Take(data.size());
    rocksdb::IOStatus status = target()->Append(rocksdb::Slice(data.data(), granted), options, debug);
    if (status.ok() && granted < data.size()) status = rocksdb::IOStatus::NoSpace("no space left: quota");
    return status;
  }
  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           const rocksdb::DataVerificationInfo&, rocksdb::IODebugContext* debug) override {
    return Append(data, options, debug);
  }

 private:
  const std::shared_ptr<DiskQuota> quota_;
};

class QuotaFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  explicit QuotaFileSystem(std::shared_ptr<DiskQuota> quota)
      : FileSystemWrapper(rocksdb::FileSystem::Default()), quota_(std::move(quota)) {}
  const char* Name() const override { return "QuotaFileSystem"; }
  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* debug) override {
    rocksdb::IOStatus status = target()->NewWritableFile(name, options, file, debug);
    if (status.ok()) *file = std::make_unique<QuotaFile>(std::move(*file), quota_);
    return status;
  }

 private:
  const std::shared_ptr<DiskQuota> quota_;
};

}  // namespace

std::shared_ptr<rocksdb::Logger> MakeRocksLogger() { return std::make_shared<LogForwarder>(); }

std::unique_ptr<rocksdb::Env> MakeQuotaEnv(std::shared_ptr<DiskQuota> quota) {
  return rocksdb::NewCompositeEnv(std::make_shared<QuotaFileSystem>(std::move(quota)));
}

void ErrorWatch::OnBackgroundError(rocksdb::BackgroundErrorReason, rocksdb::Status* status) {
  log::Warn("kv_store_error", {{"status", status->ToString()}});
  Note();
}

}  // namespace perennial::kv
