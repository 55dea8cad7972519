#pragma once

#include <string>

#include "storage/base/rng.h"
#include "storage/sources/canvas.h"

namespace perennial::sources {

// Draws one defect of KnownDefects(), about 0.4 of the picture wide, around `centre`. Private to the simulator.
void DrawDefect(const std::string& name, Point centre, Canvas& canvas, Rng& rng);

}  // namespace perennial::sources
