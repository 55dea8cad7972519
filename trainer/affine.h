#pragma once

#include "storage/media/image.h"

namespace perennial::trainer {

// x_from = a * x + b * y, y_from = c * x + d * y, in pixels from the picture's centre.
struct LinearMap {
  double a = 1, b = 0, c = 0, d = 1;
};

// Each pixel takes the value that lies at its mapped place in the old picture, bilinear between the four around it, in
// fixed point (1/256 of a pixel); beyond the edge the edge is repeated.
void Warp(media::Image& image, const LinearMap& map);

}  // namespace perennial::trainer
