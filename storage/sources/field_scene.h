#pragma once

#include <string>
#include <vector>

#include "storage/base/rng.h"
#include "storage/media/image.h"

namespace perennial::sources {

// What is to be seen in one picture, before it is drawn.
struct FieldScene {
  std::string surface;               // a key of KnownSurfaces()
  std::vector<std::string> defects;  // 1 to 4 keys of KnownDefects(), one per place
  bool new_camera = false;           // colour cast, less resolution, vignetting, rotation
};

const std::vector<std::string>& KnownSurfaces();
const std::vector<std::string>& KnownDefects();

// Draws the scene: surface, defects in different quarters, then illumination, occlusion at the edge, blur and noise as
// in a workshop. Equal `rng` states give equal pictures.
media::Image DrawScene(const FieldScene& scene, int side, Rng& rng);

}  // namespace perennial::sources
