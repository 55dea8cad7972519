#include "storage/sources/field_surface.h"

#include <cmath>

#include "storage/sources/field_scene.h"

namespace perennial::sources {
namespace {

Colour Shade(const Colour& colour, int by) { return {colour.r + by, colour.g + by, colour.b + by}; }
int Spread(Rng& rng, int by) { return static_cast<int>(rng.Below(static_cast<uint64_t>(2 * by + 1))) - by; }

// Streaks along the brush.
void BrushedSteel(Canvas& canvas, Rng& rng) {
  for (int y = 0; y < canvas.side(); ++y) {
    const int streak = Spread(rng, 20);
    for (int x = 0; x < canvas.side(); ++x) canvas.Mix(x, y, Shade({120, 132, 152}, streak + Spread(rng, 5)), 1);
  }
}

// Bright, with grains.
void CastAluminium(Canvas& canvas, Rng& rng) {
  for (int y = 0; y < canvas.side(); ++y) {
    for (int x = 0; x < canvas.side(); ++x) canvas.Mix(x, y, Shade({196, 194, 184}, Spread(rng, 22)), 1);
  }
}

// Wavy grain from top to bottom.
void Wood(Canvas& canvas, Rng& rng) {
  const double phase = rng.Uniform(0, 6.28), bend = rng.Uniform(0.5, 2.0), lines = rng.Uniform(18, 28);
  for (int y = 0; y < canvas.side(); ++y) {
    for (int x = 0; x < canvas.side(); ++x) {
      const double u = (x + 0.5) / canvas.side(), v = (y + 0.5) / canvas.side();
      const int grain =
          static_cast<int>(std::lround(22 * std::sin(lines * (u + 0.06 * std::sin(bend * 6 * v + phase)) + phase)));
      canvas.Mix(x, y, Shade({176, 122, 66}, grain + Spread(rng, 6)), 1);
    }
  }
}

// A plain weave.
void Fabric(Canvas& canvas, Rng& rng) {
  const int thread = std::max(1, canvas.side() / 16);
  for (int y = 0; y < canvas.side(); ++y) {
    for (int x = 0; x < canvas.side(); ++x) {
      const bool over = (x / thread + y / thread) % 2 == 0;
      canvas.Mix(x, y, Shade({48, 84, 128}, (over ? 22 : -14) + Spread(rng, 8)), 1);
    }
  }
}

}  // namespace

const std::vector<std::string>& KnownSurfaces() {
  static const std::vector<std::string> names = {"brushed steel", "cast aluminium", "wood", "fabric"};
  return names;
}

void DrawSurface(const std::string& name, Canvas& canvas, Rng& rng) {
  if (name == "brushed steel") return BrushedSteel(canvas, rng);
  if (name == "cast aluminium") return CastAluminium(canvas, rng);
  if (name == "wood") return Wood(canvas, rng);
  return Fabric(canvas, rng);
}

}  // namespace perennial::sources
