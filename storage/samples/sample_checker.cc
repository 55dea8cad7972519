#include "storage/samples/sample_checker.h"

#include <unordered_map>

namespace perennial::samples {

Result<std::vector<CheckedSample>> SampleChecker::Check(const std::vector<format::Sample>& samples) {
  std::vector<CheckedSample> checked(samples.size());
  pool_.ForEach(samples.size(), [&](size_t i) {
    const format::Sample& sample = samples[i];
    checked[i].error = format::ValidateSample(sample, options_.limits);
    if (!checked[i].error.ok()) return;
    if (!sample.image.empty()) checked[i].image_hash = Sha256(sample.image);
    checked[i].dedup_key = DedupKey(sample, checked[i].image_hash);
  });
  PERENNIAL_RETURN_IF_ERROR(LookUp(checked));
  CheckImages(samples, checked);
  return checked;
}

Status SampleChecker::LookUp(std::vector<CheckedSample>& checked) const {
  std::vector<std::string> keys;
  std::vector<std::string> hashes;
  std::vector<size_t> keyed;
  std::vector<size_t> hashed;
  for (size_t i = 0; i < checked.size(); ++i) {
    const CheckedSample& sample = checked[i];
    if (!sample.error.ok() || sample.duplicate_of) continue;
    keys.push_back(sample.dedup_key);
    keyed.push_back(i);
    if (sample.image_hash.IsZero() || sample.blob_stored) continue;
    hashes.emplace_back(sample.image_hash.View());
    hashed.push_back(i);
  }
  PERENNIAL_ASSIGN_OR_RETURN(const auto offsets, store_.MultiGet(families_.dedup, keys));
  for (size_t i = 0; i < keyed.size(); ++i) {
    if (!offsets[i]) continue;
    PERENNIAL_ASSIGN_OR_RETURN(checked[keyed[i]].duplicate_of, ReadOffsetValue(*offsets[i]));
  }
  PERENNIAL_ASSIGN_OR_RETURN(const auto blobs, store_.MultiGet(families_.blobs, hashes));
  for (size_t i = 0; i < hashed.size(); ++i) checked[hashed[i]].blob_stored = blobs[i].has_value();
  return Status::Ok();
}

void SampleChecker::CheckImages(const std::vector<format::Sample>& samples, std::vector<CheckedSample>& checked) {
  // An image is decoded once per call, and not at all when it is stored: it was decoded then.
  std::unordered_map<Hash256, size_t> first;
  std::vector<size_t> unseen;
  for (size_t i = 0; i < samples.size(); ++i) {
    const CheckedSample& sample = checked[i];
    if (!sample.error.ok() || sample.duplicate_of || sample.blob_stored || sample.image_hash.IsZero()) continue;
    if (first.emplace(sample.image_hash, i).second) unseen.push_back(i);
  }
  pool_.ForEach(unseen.size(), [&](size_t i) {
    const size_t at = unseen[i];
    checked[at].error = media::ValidateImage(samples[at].image, options_.image_limits).WithContext("image");
  });
  for (CheckedSample& sample : checked) {
    const auto found = first.find(sample.image_hash);
    if (sample.error.ok() && !sample.duplicate_of && found != first.end()) sample.error = checked[found->second].error;
  }
}

}  // namespace perennial::samples
