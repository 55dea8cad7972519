#include "storage/sources/field_defect.h"

#include <cmath>

#include "storage/sources/field_scene.h"

namespace perennial::sources {
namespace {

Point Around(Point centre, double radius, Rng& rng) {
  return {centre.x + rng.Uniform(-radius, radius), centre.y + rng.Uniform(-radius, radius)};
}

Point Polar(Point centre, double angle, double radius) {
  return {centre.x + radius * std::cos(angle), centre.y + radius * std::sin(angle)};
}

// A bright straight groove with a dark lip.
void Scratch(Point at, Canvas& canvas, Rng& rng) {
  const double angle = rng.Uniform(0, 3.14159), half = rng.Uniform(0.17, 0.22);
  const Point a = Polar(at, angle, half), b = Polar(at, angle, -half);
  canvas.Line({a.x, a.y + 0.03}, {b.x, b.y + 0.03}, 0.035, {40, 40, 44}, 0.8);
  canvas.Line(a, b, 0.045, {255, 255, 255}, 1);
}

// A deep dark hole with a bright rim.
void Pit(Point at, Canvas& canvas, Rng& rng) {
  const double radius = rng.Uniform(0.09, 0.12);
  canvas.Disc(at, radius, {12, 12, 16}, 1, 0.2);
  canvas.Ring(at, radius + 0.025, 0.03, {235, 235, 240}, 0.8);
}

// A large brown blotch.
void Stain(Point at, Canvas& canvas, Rng& rng) {
  for (int i = 0; i < 5; ++i) canvas.Disc(Around(at, 0.08, rng), rng.Uniform(0.09, 0.13), {120, 64, 20}, 0.65, 0.4);
}

// A dark jagged line that wanders.
void Crack(Point at, Canvas& canvas, Rng& rng) {
  const double angle = rng.Uniform(0, 3.14159);
  Point from = Polar(at, angle, -0.2);
  for (int i = 1; i <= 5; ++i) {
    const Point to = Around(Polar(at, angle, -0.2 + 0.08 * i), 0.05, rng);
    canvas.Line(from, to, 0.045, {0, 0, 0}, 1);
    from = to;
  }
}

// Pressed in: one side in the shade, the other bright, in bluish light.
void Dent(Point at, Canvas& canvas, Rng& rng) {
  const double radius = rng.Uniform(0.14, 0.18);
  canvas.Disc({at.x - 0.03, at.y - 0.03}, radius, {30, 40, 110}, 0.9, 0.5);
  canvas.Disc({at.x + 0.04, at.y + 0.04}, radius * 0.75, {215, 230, 255}, 0.95, 0.5);
}

// Orange, speckled.
void Rust(Point at, Canvas& canvas, Rng& rng) {
  canvas.Disc(at, 0.14, {214, 96, 16}, 0.75, 0.4);
  for (int i = 0; i < 10; ++i) canvas.Disc(Around(at, 0.12, rng), 0.03, {255, 140, 30}, 1, 0.2);
}

// Black in the middle, with a wide dark halo.
void Burn(Point at, Canvas& canvas, Rng& rng) {
  canvas.Disc(at, rng.Uniform(0.17, 0.2), {40, 16, 6}, 0.85, 0.8);
  canvas.Disc(at, 0.09, {0, 0, 0}, 1, 0.3);
}

// Light shines through.
void Hole(Point at, Canvas& canvas, Rng& rng) {
  const double radius = rng.Uniform(0.11, 0.15);
  canvas.Disc(at, radius, {255, 250, 190}, 1, 0);
  canvas.Ring(at, radius, 0.02, {30, 20, 10}, 0.7);
}

// Green spots.
void Mould(Point at, Canvas& canvas, Rng& rng) {
  for (int i = 0; i < 9; ++i) canvas.Disc(Around(at, 0.14, rng), rng.Uniform(0.035, 0.06), {40, 170, 60}, 0.95, 0.3);
}

struct Kind {
  const char* name;
  void (*draw)(Point, Canvas&, Rng&);
};
constexpr Kind kKinds[] = {{"scratch", Scratch}, {"pit", Pit},   {"stain", Stain}, {"crack", Crack}, {"dent", Dent},
                           {"rust", Rust},       {"burn", Burn}, {"hole", Hole},   {"mould", Mould}};

}  // namespace

const std::vector<std::string>& KnownDefects() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> list;
    for (const Kind& kind : kKinds) list.emplace_back(kind.name);
    return list;
  }();
  return names;
}

void DrawDefect(const std::string& name, Point centre, Canvas& canvas, Rng& rng) {
  for (const Kind& kind : kKinds) {
    if (name == kind.name) return kind.draw(centre, canvas, rng);
  }
}

}  // namespace perennial::sources
