#pragma once

#include <optional>
#include <string>
#include <vector>

#include "storage/base/hash.h"
#include "storage/samples/log_families.h"
#include "storage/samples/sample_log.h"
#include "storage/samples/worker_pool.h"

namespace perennial::samples {

// What was found out about a sample before it is appended.
struct CheckedSample {
  Status error;        // why it belongs in quarantine; Ok otherwise
  Hash256 image_hash;  // zero without an image
  std::string dedup_key;
  std::optional<Offset> duplicate_of;  // a logged sample with the same key
  bool blob_stored = false;            // the image is stored already
};

// The work on samples that needs no lock: rules, hashes, look-ups and the decoding of every image that was not seen
// before. Owned by the log. Thread-safe.
class SampleChecker {
 public:
  SampleChecker(const kv::KvStore& store, const LogFamilies& families, const SampleLogOptions& options)
      : store_(store), families_(families), options_(options), pool_(options.validation_threads) {}

  // One answer per sample. Fails only when the store cannot be read.
  Result<std::vector<CheckedSample>> Check(const std::vector<format::Sample>& samples);
  // Looks again for duplicates and stored images: for what was appended by others since Check().
  Status LookUp(std::vector<CheckedSample>& checked) const;

 private:
  void CheckImages(const std::vector<format::Sample>& samples, std::vector<CheckedSample>& checked);

  const kv::KvStore& store_;
  const LogFamilies families_;
  const SampleLogOptions options_;
  WorkerPool pool_;
};

}  // namespace perennial::samples
