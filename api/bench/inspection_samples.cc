#include "api/bench/inspection_samples.h"

#include "storage/base/rng.h"
#include "storage/media/image.h"

namespace perennial::bench {
namespace {

constexpr int kSide = 64;

// A grey surface with a gradient and grain, about 3 KB encoded; no two are the same.
Result<std::string> MakePicture(uint64_t seed, uint64_t number) {
  Rng rng(seed, number);
  const bool png = number % 2 == 0;
  const uint64_t grain = png ? 5 : 56;
  media::Image image{.width = kSide, .height = kSide, .pixels = {}};
  image.pixels.reserve(kSide * kSide * 3);
  const uint64_t base = 60 + rng.Below(80);
  const uint64_t tint[3] = {rng.Below(20), rng.Below(20), rng.Below(20)};
  for (uint64_t y = 0; y < kSide; ++y) {
    for (uint64_t x = 0; x < kSide; ++x) {
      const uint64_t level = base + (x + y) / 4 + rng.Below(grain);
      for (const uint64_t add : tint) image.pixels.push_back(static_cast<uint8_t>(level + add));
    }
  }
  return png ? media::EncodePng(image) : media::EncodeJpeg(image, 90);
}

}  // namespace

Result<std::vector<format::Sample>> InspectionSamples(uint64_t seed, uint64_t first, size_t count) {
  std::vector<format::Sample> batch(count);
  for (size_t i = 0; i < count; ++i) {
    const uint64_t at = first + i;
    PERENNIAL_ASSIGN_OR_RETURN(batch[i].image, MakePicture(seed, at));
    batch[i].text = "is this part whole?";
    batch[i].label = at % 3 == 0 ? "no" : "yes";
    batch[i].source = "bench";
    batch[i].id = std::to_string(at);
  }
  return batch;
}

}  // namespace perennial::bench
