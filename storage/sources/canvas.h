#pragma once

#include <cstdint>

#include "storage/media/image.h"

namespace perennial::sources {

struct Colour {
  int r = 0, g = 0, b = 0;
};

// A point of the unit square; pictures of any size are drawn from the same coordinates.
struct Point {
  double x = 0, y = 0;
};

// Draws on an 8-bit picture in unit coordinates. Owned by the caller; thread-compatible.
class Canvas {
 public:
  explicit Canvas(int side);
  int side() const { return image_.width; }
  media::Image& image() { return image_; }

  // Mixes `colour` into a pixel: opacity 0 keeps it, 1 covers it.
  void Mix(int x, int y, const Colour& colour, double opacity);
  // Opacity falls from `opacity` to 0 over the last `softness` of the radius.
  void Disc(Point centre, double radius, const Colour& colour, double opacity, double softness);
  // Between radius - width and radius.
  void Ring(Point centre, double radius, double width, const Colour& colour, double opacity);
  void Line(Point from, Point to, double width, const Colour& colour, double opacity);

 private:
  media::Image image_;
};

}  // namespace perennial::sources
