#include "replay/feature.h"

#include <algorithm>
#include <string_view>

namespace perennial::replay {
namespace {

constexpr int kSide = 8;
constexpr size_t kWordBins = kFeatures - kSide * kSide;
// A word counts as much as a quarter of the range, so that texts and pictures weigh alike.
constexpr int kPerWord = 32;

void AddPicture(const media::Image& picture, Feature& feature) {
  const media::Image small = media::Resize(picture, kSide, kSide);
  for (size_t i = 0; i < size_t{kSide} * kSide; ++i) {
    const int grey = (small.pixels[3 * i] + small.pixels[3 * i + 1] + small.pixels[3 * i + 2]) / 3;
    feature[i] = static_cast<int8_t>(grey - 128);
  }
}

// FNV-1a, 32 bits.
uint32_t HashOf(std::string_view word) {
  uint32_t hash = 2166136261U;
  for (const char c : word) hash = (hash ^ static_cast<uint8_t>(c)) * 16777619U;
  return hash;
}

void AddWords(std::string_view text, Feature& feature) {
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    if (end > 0) {
      int8_t& bin = feature[kFeatures - kWordBins + HashOf(text.substr(0, end)) % kWordBins];
      bin = static_cast<int8_t>(std::min(127, bin + kPerWord));
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

}  // namespace

Feature FeatureOf(const Example& example, const media::DecodeLimits& limits) {
  Feature feature{};
  if (example.pixels != nullptr) {
    AddPicture(*example.pixels, feature);
  } else if (!example.image.empty()) {
    const Result<media::Image> decoded = media::DecodeImage(example.image, limits);
    if (decoded.ok()) AddPicture(*decoded, feature);
  }
  AddWords(example.text, feature);
  return feature;
}

}  // namespace perennial::replay
