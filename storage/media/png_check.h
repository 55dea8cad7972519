#pragma once

#include <string_view>

// A quick look at the plainest PNG files. Private to storage/media.
namespace perennial::media {

// True when `bytes` is surely a whole, undamaged PNG: plain 8-bit grey, RGB or RGBA without interlacing, palette or
// colour key, all check sums right, the pixel stream of exactly the right length. False says nothing: libpng then
// judges. It costs half of what libpng takes for small pictures, which is what ingest mostly sees. Thread-safe.
bool IsSurelyGoodPng(std::string_view bytes);

}  // namespace perennial::media
