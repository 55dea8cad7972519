#pragma once

#include <array>
#include <cstdint>

#include "replay/example.h"
#include "storage/media/image.h"

namespace perennial::replay {

inline constexpr size_t kFeatures = 80;
// What herding knows of an example: 64 grey values of its picture at 8x8, less 128, then 16 counts of the words of its
// text by hash. It is the input's and not the network's, so that it never has to be made again. 80 bytes.
using Feature = std::array<int8_t, kFeatures>;

// Pixels, or the encoded picture within `limits`; a picture that does not decode is grey. Equal examples give equal
// features on any machine.
Feature FeatureOf(const Example& example, const media::DecodeLimits& limits);

}  // namespace perennial::replay
