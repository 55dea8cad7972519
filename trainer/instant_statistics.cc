#include "trainer/instant_statistics.h"

#include <algorithm>
#include <cmath>

#include "storage/base/bytes.h"
#include "trainer/instant_product.h"

namespace perennial::trainer {
namespace {

constexpr int64_t kMostRows = 512;   // multiplied at once: 127^2 * 512 < 2^24
constexpr int64_t kTile = 512;       // rows of G per product
constexpr float kLargest = 127;      // of a feature
constexpr double kExact = 0x1.0p53;  // beyond, doubles skip integers
constexpr std::string_view kMagic = "PIS1";
constexpr uint64_t kMostFeatures = 16384;

bool IsFeature(float value) { return value >= 0 && value <= kLargest && std::nearbyintf(value) == value; }

// Rows that wait to be multiplied: of a narrow head few, so that they take no more than a quarter of what G does.
int64_t BlockOf(int64_t features) { return std::clamp<int64_t>(features / 4, 1, kMostRows); }

size_t Triangle(int64_t features) { return static_cast<size_t>(features * (features + 1) / 2); }

// Sums of features are integers below 2^53: a varint each.
void WriteSums(const std::vector<double>& sums, ByteWriter& out) {
  for (const double sum : sums) out.Varint(static_cast<uint64_t>(sum));
}

void ReadSums(ByteReader& in, std::vector<double>& sums) {
  for (size_t i = 0; i < sums.size() && in.ok(); ++i) {
    const uint64_t value = in.Varint();
    if (value > static_cast<uint64_t>(kExact)) in.Fail();
    sums[i] = static_cast<double>(value);
  }
}

}  // namespace

InstantStatistics::InstantStatistics(int64_t features) : features_(features), gram_(Triangle(features)) {}

Status InstantStatistics::Check(const float* rows, const int64_t* labels, int64_t count, float sign) const {
  std::vector<int64_t> taken(counts_.size());
  for (int64_t i = 0; i < count; ++i) {
    const int64_t label = labels[i];
    if (label < 0 || label >= kMostInstantLabels) {
      return InvalidArgument("instant statistics: label " + std::to_string(label) + " of sample " + std::to_string(i) +
                             " is not in [0, " + std::to_string(kMostInstantLabels) + ")");
    }
    if (sign > 0) continue;
    const auto at = static_cast<size_t>(label);
    if (at >= counts_.size() || ++taken[at] > counts_[at]) {
      return FailedPrecondition("instant statistics: more samples of label " + std::to_string(label) +
                                    " are to be forgotten than were learned",
                                "forget each sample once, and only those that were observed");
    }
  }
  if (!std::all_of(rows, rows + count * features_, IsFeature)) {
    return InvalidArgument("instant statistics: a feature is no integer of 0 to 127");
  }
  return Status::Ok();
}

Status InstantStatistics::Take(const float* rows, const int64_t* labels, int64_t count, float sign) {
  PERENNIAL_RETURN_IF_ERROR(Check(rows, labels, count, sign));
  for (int64_t i = 0; i < count; ++i) {
    const auto label = static_cast<size_t>(labels[i]);
    if (label >= counts_.size()) {
      counts_.resize(label + 1);
      sums_.resize((label + 1) * static_cast<size_t>(features_));
    }
    counts_[label] += sign > 0 ? 1 : -1;
    samples_ += sign > 0 ? 1 : -1;
    const float* row = rows + i * features_;
    double* sum = sums_.data() + labels[i] * features_;
    for (int64_t j = 0; j < features_; ++j) sum[j] += static_cast<double>(sign * row[j]);
    pending_.insert(pending_.end(), row, row + features_);
    signs_.push_back(sign);
    if (static_cast<int64_t>(signs_.size()) == BlockOf(features_)) Flush();
  }
  return Status::Ok();
}

Status InstantStatistics::Add(const float* rows, const int64_t* labels, int64_t count) {
  return Take(rows, labels, count, 1);
}

Status InstantStatistics::Remove(const float* rows, const int64_t* labels, int64_t count) {
  return Take(rows, labels, count, -1);
}

void InstantStatistics::Flush() {
  const auto waiting = static_cast<int64_t>(signs_.size());
  if (waiting == 0) return;
  std::vector<float> product(static_cast<size_t>(std::min(kTile, features_) * features_));
  std::vector<float> signed_rows;
  const bool mixed = std::find(signs_.begin(), signs_.end(), -1.0f) != signs_.end();
  if (mixed) {
    signed_rows = pending_;
    for (int64_t i = 0; i < waiting; ++i) {
      if (signs_[static_cast<size_t>(i)] > 0) continue;
      for (int64_t j = 0; j < features_; ++j) signed_rows[static_cast<size_t>(i * features_ + j)] *= -1;
    }
  }
  const float* left = mixed ? signed_rows.data() : pending_.data();
  for (int64_t first = 0; first < features_; first += kTile) {
    const int64_t rows = std::min(kTile, features_ - first);
    ProductOverSamples(left + first, rows, pending_.data() + first, features_ - first, waiting, features_,
                       product.data());
    for (int64_t i = 0; i < rows; ++i) {
      const float* from = product.data() + i * features_ + i;
      double* to = MutableGramRow(first + i);
      for (int64_t j = 0; j < features_ - first - i; ++j) to[j] += static_cast<double>(from[j]);
    }
  }
  pending_.clear();
  signs_.clear();
}

Status InstantStatistics::Merge(InstantStatistics& other) {
  if (other.features_ != features_) {
    return InvalidArgument("instant statistics: " + std::to_string(other.features_) + " features do not add to " +
                           std::to_string(features_));
  }
  Flush();
  other.Flush();
  samples_ += other.samples_;
  if (other.counts_.size() > counts_.size()) {
    counts_.resize(other.counts_.size());
    sums_.resize(other.sums_.size());
  }
  for (size_t i = 0; i < other.counts_.size(); ++i) counts_[i] += other.counts_[i];
  for (size_t i = 0; i < other.sums_.size(); ++i) sums_[i] += other.sums_[i];
  for (size_t i = 0; i < gram_.size(); ++i) gram_[i] += other.gram_[i];
  return Status::Ok();
}

Status InstantStatistics::Subtract(InstantStatistics& other) {
  if (other.features_ != features_) {
    return InvalidArgument("instant statistics: " + std::to_string(other.features_) +
                           " features cannot be taken from " + std::to_string(features_));
  }
  for (size_t i = 0; i < other.counts_.size(); ++i) {
    if (other.counts_[i] == 0 || (i < counts_.size() && other.counts_[i] <= counts_[i])) continue;
    return FailedPrecondition(
        "instant statistics: more samples of label " + std::to_string(i) + " are to be forgotten than were learned",
        "forget each sample once, and only those that were observed");
  }
  Flush();
  other.Flush();
  samples_ -= other.samples_;
  const size_t shared = std::min(counts_.size(), other.counts_.size());
  for (size_t i = 0; i < shared; ++i) counts_[i] -= other.counts_[i];
  for (size_t i = 0; i < shared * static_cast<size_t>(features_); ++i) sums_[i] -= other.sums_[i];
  for (size_t i = 0; i < gram_.size(); ++i) gram_[i] -= other.gram_[i];
  while (!counts_.empty() && counts_.back() == 0) counts_.pop_back();
  sums_.resize(counts_.size() * static_cast<size_t>(features_));
  return Status::Ok();
}

std::string InstantStatistics::Save() {
  Flush();
  ByteWriter out;
  out.Raw(kMagic);
  out.Varint(static_cast<uint64_t>(features_));
  out.Varint(counts_.size());
  for (const int64_t count : counts_) out.Varint(static_cast<uint64_t>(count));
  WriteSums(sums_, out);
  WriteSums(gram_, out);
  return out.Take();
}

Result<InstantStatistics> InstantStatistics::Load(std::string_view bytes) {
  ByteReader in(bytes);
  if (in.Raw(kMagic.size()) != kMagic) return Corruption("instant statistics: wrong magic");
  const uint64_t features = in.Varint();
  const uint64_t labels = in.Varint();
  if (!in.ok() || features < 1 || features > kMostFeatures || labels > static_cast<uint64_t>(kMostInstantLabels)) {
    return Corruption("instant statistics: sizes are missing or out of range");
  }
  // Every number takes a byte at least: checked before anything is sized.
  if (labels * (features + 1) + features * (features + 1) / 2 > in.remaining()) {
    return Corruption("instant statistics: shorter than its sizes say");
  }
  InstantStatistics out(static_cast<int64_t>(features));
  out.counts_.resize(labels);
  out.sums_.resize(labels * features);
  for (int64_t& count : out.counts_) {
    const uint64_t value = in.Varint();
    if (value > static_cast<uint64_t>(kExact)) in.Fail();
    count = in.ok() ? static_cast<int64_t>(value) : 0;
    out.samples_ += count;
  }
  ReadSums(in, out.sums_);
  ReadSums(in, out.gram_);
  PERENNIAL_RETURN_IF_ERROR(in.Finish("instant statistics"));
  return out;
}

uint64_t InstantStatistics::MostBytes(int64_t features, int64_t labels) {
  const auto rows = static_cast<uint64_t>(BlockOf(features));
  return (Triangle(features) + static_cast<uint64_t>(features * labels)) * sizeof(double) +
         static_cast<uint64_t>(labels) * sizeof(int64_t) + rows * static_cast<uint64_t>(features + 1) * sizeof(float);
}

uint64_t InstantStatistics::bytes() const {
  return (gram_.size() + sums_.size()) * sizeof(double) + counts_.size() * sizeof(int64_t) +
         (pending_.size() + signs_.size()) * sizeof(float);
}

}  // namespace perennial::trainer
