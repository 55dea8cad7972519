#pragma once

#include <fstream>
#include <string>

#include "storage/base/env.h"
#include "storage/base/status.h"

namespace perennial::bench {

// The raw numbers behind a benchmark's figures, one JSON line each, in DIR/NAME.jsonl; nothing without a folder.
class RawRecords {
 public:
  Status Open(const std::string& folder, const std::string& name) {
    if (folder.empty()) return Status::Ok();
    PERENNIAL_RETURN_IF_ERROR(Env::Posix().CreateDirectories(folder));
    path_ = folder + "/" + name + ".jsonl";
    file_.open(path_);
    return Finish();
  }
  void Add(const std::string& json) {
    if (file_.is_open()) file_ << json << "\n";
  }
  // kIoError when a line did not get to the file.
  Status Finish() {
    if (path_.empty()) return Status::Ok();
    file_.flush();
    return file_.good() ? Status::Ok() : IoError("cannot write " + path_, "is there room on the disk?");
  }

 private:
  std::string path_;
  std::ofstream file_;
};

}  // namespace perennial::bench
