#pragma once

#include "storage/base/rng.h"
#include "storage/media/image.h"

// What stands between the part and the picture. Private to the simulator.
namespace perennial::sources {

// Light that falls off in one direction, sometimes a tool in front of the edge, blur, sensor noise.
void Disturb(media::Image& image, Rng& rng);
// Another camera: turned a little, coarser, greenish, darker towards the corners.
void ChangeCamera(media::Image& image, Rng& rng);

}  // namespace perennial::sources
