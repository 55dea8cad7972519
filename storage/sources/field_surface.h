#pragma once

#include <string>

#include "storage/base/rng.h"
#include "storage/sources/canvas.h"

namespace perennial::sources {

// Covers the canvas with the texture of a surface of KnownSurfaces(). Private to the simulator.
void DrawSurface(const std::string& name, Canvas& canvas, Rng& rng);

}  // namespace perennial::sources
