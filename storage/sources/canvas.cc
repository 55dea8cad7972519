#include "storage/sources/canvas.h"

#include <algorithm>
#include <cmath>

namespace perennial::sources {
namespace {

// Calls draw(x, y, distance to `centre` in unit coordinates) for the pixels within `radius`.
template <typename Draw>
void NearPixels(int side, Point centre, double radius, const Draw& draw) {
  const auto clip = [&](double v) { return std::clamp(static_cast<int>(std::floor(v * side)), 0, side - 1); };
  for (int y = clip(centre.y - radius); y <= clip(centre.y + radius); ++y) {
    for (int x = clip(centre.x - radius); x <= clip(centre.x + radius); ++x) {
      const double dx = (x + 0.5) / side - centre.x, dy = (y + 0.5) / side - centre.y;
      const double distance = std::sqrt(dx * dx + dy * dy);
      if (distance <= radius) draw(x, y, distance);
    }
  }
}

}  // namespace

Canvas::Canvas(int side) : image_{side, side, {}} {
  image_.pixels.resize(static_cast<size_t>(side) * static_cast<size_t>(side) * 3);
}

void Canvas::Mix(int x, int y, const Colour& colour, double opacity) {
  uint8_t* pixel = &image_.pixels[(static_cast<size_t>(y) * static_cast<size_t>(side()) + static_cast<size_t>(x)) * 3];
  const int channels[] = {colour.r, colour.g, colour.b};
  for (int c = 0; c < 3; ++c) {
    const double mixed = pixel[c] + (channels[c] - pixel[c]) * opacity;
    pixel[c] = static_cast<uint8_t>(std::clamp(static_cast<int>(std::lround(mixed)), 0, 255));
  }
}

void Canvas::Disc(Point centre, double radius, const Colour& colour, double opacity, double softness) {
  NearPixels(side(), centre, radius, [&](int x, int y, double distance) {
    const double edge = softness > 0 ? std::min(1.0, (radius - distance) / (softness * radius)) : 1.0;
    Mix(x, y, colour, opacity * edge);
  });
}

void Canvas::Ring(Point centre, double radius, double width, const Colour& colour, double opacity) {
  NearPixels(side(), centre, radius, [&](int x, int y, double distance) {
    if (distance > radius - width) Mix(x, y, colour, opacity);
  });
}

void Canvas::Line(Point from, Point to, double width, const Colour& colour, double opacity) {
  const double dx = to.x - from.x, dy = to.y - from.y;
  const double length_squared = std::max(1e-9, dx * dx + dy * dy);
  for (int y = 0; y < side(); ++y) {
    for (int x = 0; x < side(); ++x) {
      const double px = (x + 0.5) / side() - from.x, py = (y + 0.5) / side() - from.y;
      const double t = std::clamp((px * dx + py * dy) / length_squared, 0.0, 1.0);
      const double ex = px - t * dx, ey = py - t * dy;
      if (ex * ex + ey * ey <= width * width / 4) Mix(x, y, colour, opacity);
    }
  }
}

}  // namespace perennial::sources
