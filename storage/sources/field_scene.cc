#include "storage/sources/field_scene.h"

#include <algorithm>
#include <array>

#include "storage/sources/field_camera.h"
#include "storage/sources/field_defect.h"
#include "storage/sources/field_surface.h"

namespace perennial::sources {

media::Image DrawScene(const FieldScene& scene, int side, Rng& rng) {
  Canvas canvas(side);
  DrawSurface(scene.surface, canvas, rng);
  std::array<int, 4> quarters = {0, 1, 2, 3};  // a defect each, so that none hides another
  for (size_t i = 3; i > 0; --i) std::swap(quarters[i], quarters[rng.Below(i + 1)]);
  for (size_t i = 0; i < std::min<size_t>(scene.defects.size(), quarters.size()); ++i) {
    const Point centre = {(quarters[i] % 2 == 0 ? 0.27 : 0.73) + rng.Uniform(-0.04, 0.04),
                          (quarters[i] / 2 == 0 ? 0.27 : 0.73) + rng.Uniform(-0.04, 0.04)};
    DrawDefect(scene.defects[i], centre, canvas, rng);
  }
  if (scene.new_camera) ChangeCamera(canvas.image(), rng);
  Disturb(canvas.image(), rng);
  return std::move(canvas.image());
}

}  // namespace perennial::sources
