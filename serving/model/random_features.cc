#include "serving/model/random_features.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <string>

#include "serving/model/patch_maximum.h"
#include "serving/model/text_terms.h"
#include "storage/base/rng.h"

namespace perennial::model {
namespace {

constexpr int64_t kMostCells = 32;  // side of the reduced picture: the cost of a feature does not grow with the network
constexpr int64_t kReach = 2;       // how far the shifts move a patch
constexpr double kContrast = 32;    // a normalised picture's standard deviation
constexpr double kSpan = 3;         // standard deviations of a response over which a feature rises from 0 to 127
constexpr uint64_t kBuckets = 32;   // of terms: a gate is open for 1 / 32 of all terms
constexpr uint64_t kTextShare = 8;  // a text gate is open for 1 / 8 of all texts
constexpr int64_t kThresholds = 1000;   // thresholds are drawn from +-1000 thousandths of a response's deviation
constexpr uint64_t kTermBuckets = 512;  // of features that say whether a term is there
constexpr float kOpenGate = 64;         // what a gated feature says of a text without a picture

// Weights of red, green and blue; each row sums to 3, so that all mixtures of a grey picture are one.
constexpr std::array<std::array<int, 3>, RandomFeatures::kPlanes> kMixtures{
    {{1, 1, 1}, {3, 0, 0}, {0, 3, 0}, {0, 0, 3}, {2, 2, -1}, {-1, 2, 2}, {2, -1, 2}}};

// About normal, standard deviation 4: the number of ones among 64 random bits, less 32. Integers only, where
// Rng::Normal would depend on the machine's mathematical library.
int Weight(Rng& rng) { return std::popcount(rng.Next()) - 32; }

int Between(int64_t low, int64_t high, Rng& rng) {
  return static_cast<int>(low + static_cast<int64_t>(rng.Below(static_cast<uint64_t>(high - low + 1))));
}

// Back to the byte that a pixel came from; augmented pixels go to the nearest. NaN gives 0.
int ByteOf(float value) {
  const float byte = (value + 1) * 127.5f + 0.5f;
  if (!(byte > 0)) return 0;
  return byte >= 255 ? 255 : static_cast<int>(byte);
}

// Sums of the bytes in each cell, [cells * cells] per colour.
void Reduce(const float* image, int64_t side, int64_t cells, int64_t cell_size, std::vector<int>& sums) {
  sums.assign(static_cast<size_t>(3 * cells * cells), 0);
  for (int64_t colour = 0; colour < 3; ++colour) {
    for (int64_t y = 0; y < cells * cell_size; ++y) {
      const float* row = image + (colour * side + y) * side;
      int* out = sums.data() + (colour * cells + y / cell_size) * cells;
      for (int64_t x = 0; x < cells * cell_size; ++x) out[x / cell_size] += ByteOf(row[x]);
    }
  }
}

// x' = round((x - mean) kContrast / deviation), mean and deviation over all cells of the grey picture, cut at +-127.
// All sums are integers; what is not (a square root, a division, a product) is rounded by IEEE 754 in one way only.
struct Normaliser {
  double mean = 0, factor = 0;
  explicit Normaliser(const std::vector<int>& sums, int64_t area, int64_t cell_area) {
    int64_t total = 0, squares = 0;
    const auto cells = static_cast<size_t>(area);
    for (size_t i = 0; i < cells; ++i) {
      const int64_t grey = sums[i] + sums[cells + i] + sums[2 * cells + i];
      total += grey;
      squares += grey * grey;
    }
    const auto n = static_cast<double>(area);
    mean = static_cast<double>(total) / n;
    const double spread = static_cast<double>(area * squares - total * total);
    const double least = static_cast<double>(3 * cell_area);  // one grey level: a flat picture stays flat
    const double deviation = std::sqrt(spread) / n;
    factor = kContrast / (deviation > least ? deviation : least);
  }
  float operator()(int sum) const {
    const double scaled = (static_cast<double>(sum) - mean) * factor;
    return static_cast<float>(std::clamp(std::floor(scaled + 0.5), -127.0, 127.0));
  }
};

}  // namespace

// Of 16 features 4 look at the picture alone, 8 have a gate of a term, 3 a gate of the whole text, 1 says a term
// (chosen on a tenth of easy_vqa's training images: 4/4/6/2 and 2/2/11/1 were 0.5 and 2.3 points worse).
RandomFeatures::Role RandomFeatures::RoleOf(uint64_t sixteenth) {
  if (sixteenth < 4) return Role::kPicture;
  if (sixteenth < 12) return Role::kTermGate;
  return sixteenth < 15 ? Role::kTextGate : Role::kTerm;
}

uint64_t RandomFeatures::KeyOf(Role role, Rng& rng) {
  switch (role) {
    case Role::kPicture:
      return 0;
    case Role::kTermGate:
      return rng.Below(kBuckets);
    case Role::kTextGate:
      return rng.Next();
    case Role::kTerm:
      return rng.Below(kTermBuckets);
  }
  return 0;
}

Status RandomFeatureOptions::Validate() const {
  if (features < 16 || features > 16384) {
    return InvalidArgument("instant head: " + std::to_string(features) + " features, must be 16 to 16384");
  }
  if (image_size < 8 || image_size > 4096) {
    return InvalidArgument("instant head: image size " + std::to_string(image_size) + ", must be 8 to 4096");
  }
  return Status::Ok();
}

Result<RandomFeatures> RandomFeatures::Make(const RandomFeatureOptions& options) {
  PERENNIAL_RETURN_IF_ERROR(options.Validate());
  const int64_t cell_size = (options.image_size + kMostCells - 1) / kMostCells;
  RandomFeatures out(options, options.image_size / cell_size, cell_size);
  out.Draw();
  return out;
}

void RandomFeatures::Draw() {
  const int64_t least = std::max<int64_t>(2, cells_ / 7);
  const int64_t most = std::max(least, std::min(cells_ * 3 / 7, cells_ - kReach));
  for (int64_t j = 0; j < options_.features; ++j) {
    Rng rng(options_.seed, static_cast<uint64_t>(j));  // a stream each: more features leave the first as they are
    Feature feature{};
    feature.height = Between(least, most, rng);
    feature.width = Between(least, most, rng);
    feature.top = Between(0, cells_ - feature.height - kReach, rng);
    feature.left = Between(0, cells_ - feature.width - kReach, rng);
    feature.plane = static_cast<int32_t>(rng.Below(kPlanes));
    const bool centred = rng.Chance(0.5);
    feature.role = RoleOf(rng.Below(16));
    feature.key = KeyOf(feature.role, rng);
    feature.weights = static_cast<uint32_t>(weights_.size());
    const int count = feature.height * feature.width;
    int total = 0;
    for (int i = 0; i < count; ++i) {
      weights_.push_back(static_cast<float>(Weight(rng)));
      total += static_cast<int>(weights_.back());
    }
    int squares = 0;
    for (int i = 0; i < count; ++i) {
      float& weight = weights_[feature.weights + static_cast<size_t>(i)];
      if (centred) weight -= static_cast<float>(total / count);
      squares += static_cast<int>(weight * weight);
    }
    const double norm = std::sqrt(static_cast<double>(std::max(squares, 1)));
    feature.threshold = static_cast<float>(
        std::floor(Between(-kThresholds, kThresholds, rng) * kContrast * norm / static_cast<double>(kThresholds)));
    feature.scale = static_cast<float>(kLargest / (kSpan * kContrast * norm));
    features_.push_back(feature);
  }
}

void RandomFeatures::ExtractGroup(const FeatureInput& input, int64_t first, int64_t count, std::vector<float>& planes,
                                  float* out) const {
  const int64_t area = cells_ * cells_;
  const int64_t side = input.side;
  std::vector<int> sums;
  for (int64_t lane = 0; lane < count; ++lane) {
    if (!input.has_image[first + lane]) continue;
    Reduce(input.images + (first + lane) * 3 * side * side, side, cells_, cell_size_, sums);
    const Normaliser normalise(sums, area, cell_size_ * cell_size_);
    for (size_t plane = 0; plane < kMixtures.size(); ++plane) {
      const auto& mixture = kMixtures[plane];
      float* to = planes.data() + static_cast<int64_t>(plane) * area * kPatchLanes + lane;
      for (int64_t i = 0; i < area; ++i) {
        const auto at = static_cast<size_t>(i);
        const int mixed = mixture[0] * sums[at] + mixture[1] * sums[static_cast<size_t>(area) + at] +
                          mixture[2] * sums[static_cast<size_t>(2 * area) + at];
        to[i * kPatchLanes] = normalise(mixed);
      }
    }
  }
  for (size_t j = 0; j < features_.size(); ++j) {
    const Feature& feature = features_[j];
    const float* corner = planes.data() + (feature.plane * area + feature.top * cells_ + feature.left) * kPatchLanes;
    float responses[kPatchLanes];
    PatchMaximum(corner, cells_ * kPatchLanes, weights_.data() + feature.weights, feature.height, feature.width,
                 responses);
    for (int64_t lane = 0; lane < count; ++lane) {
      const float value = (responses[lane] - feature.threshold) * feature.scale;
      out[lane * features() + static_cast<int64_t>(j)] = std::clamp(std::floor(value), 0.0f, kLargest);
    }
  }
}

void RandomFeatures::ApplyText(const FeatureInput& input, int64_t sample, float* row) const {
  const TextTerms text = TermsOf(input.tokens + sample * input.text_length, input.text_length);
  std::array<bool, kTermBuckets> fine{};
  std::array<bool, kBuckets> coarse{};
  for (const uint64_t term : text.terms) {
    fine[term % fine.size()] = true;
    coarse[(term >> 32) % kBuckets] = true;
  }
  const bool picture = input.has_image[sample];
  for (size_t j = 0; j < features_.size(); ++j) {
    const Feature& feature = features_[j];
    float& value = row[j];
    switch (feature.role) {
      case Role::kPicture:
        break;
      case Role::kTermGate:
        value = coarse[feature.key] ? (picture ? value : kOpenGate) : 0;
        break;
      case Role::kTextGate:
        value = Mix64(text.whole ^ feature.key) % kTextShare == 0 ? (picture ? value : kOpenGate) : 0;
        break;
      case Role::kTerm:
        value = fine[feature.key] ? kOpenGate : 0;
        break;
    }
  }
}

void RandomFeatures::Extract(const FeatureInput& input, float* out) const {
  std::vector<float> planes(static_cast<size_t>(kPlanes * cells_ * cells_ * kPatchLanes));
  for (int64_t first = 0; first < input.batch; first += kPatchLanes) {
    const int64_t count = std::min(kPatchLanes, input.batch - first);
    float* rows = out + first * features();
    ExtractGroup(input, first, count, planes, rows);
    for (int64_t lane = 0; lane < count; ++lane) {
      float* row = rows + lane * features();
      if (!input.has_image[first + lane]) std::fill_n(row, features(), 0.0f);
      if (input.has_text[first + lane]) ApplyText(input, first + lane, row);
    }
  }
}

uint64_t RandomFeatures::bytes() const { return features_.size() * sizeof(Feature) + weights_.size() * sizeof(float); }

}  // namespace perennial::model
