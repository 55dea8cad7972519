#include "api/bench/picture_task.h"

#include <cmath>
#include <numbers>
#include <numeric>
#include <utility>

namespace perennial::bench {
namespace {

// Zero outside.
double PixelAt(const media::Image& image, int x, int y, size_t channel) {
  if (x < 0 || y < 0 || x >= image.width || y >= image.height) return 0;
  return image.pixels[static_cast<size_t>(y * image.width + x) * 3 + channel];
}

media::Image Rotated(const media::Image& image, double degrees) {
  const double angle = degrees * std::numbers::pi / 180, cosine = std::cos(angle), sine = std::sin(angle);
  const double centre_x = (image.width - 1) / 2.0, centre_y = (image.height - 1) / 2.0;
  media::Image out = image;
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      // Where this pixel was before the turn; the y axis points down.
      const double dx = x - centre_x, dy = y - centre_y;
      const double from_x = centre_x + cosine * dx - sine * dy, from_y = centre_y + sine * dx + cosine * dy;
      const double left = std::floor(from_x), top = std::floor(from_y);
      const double right_share = from_x - left, bottom_share = from_y - top;
      const int x0 = static_cast<int>(left), y0 = static_cast<int>(top);
      for (size_t c = 0; c < 3; ++c) {
        const double upper =
            PixelAt(image, x0, y0, c) * (1 - right_share) + PixelAt(image, x0 + 1, y0, c) * right_share;
        const double lower =
            PixelAt(image, x0, y0 + 1, c) * (1 - right_share) + PixelAt(image, x0 + 1, y0 + 1, c) * right_share;
        out.pixels[static_cast<size_t>(y * image.width + x) * 3 + c] =
            static_cast<uint8_t>(upper * (1 - bottom_share) + lower * bottom_share + 0.5);
      }
    }
  }
  return out;
}

}  // namespace

PictureTask PictureTask::Rotation(double degrees) {
  PictureTask task;
  task.degrees_ = degrees;
  return task;
}

PictureTask PictureTask::Permutation(int side, Rng& rng) {
  PictureTask task;
  task.order_.resize(static_cast<size_t>(side) * static_cast<size_t>(side));
  std::iota(task.order_.begin(), task.order_.end(), 0u);
  for (size_t i = task.order_.size(); i > 1; --i) std::swap(task.order_[i - 1], task.order_[rng.Below(i)]);
  return task;
}

media::Image PictureTask::Apply(const media::Image& image) const {
  if (degrees_ != 0) return Rotated(image, degrees_);
  if (order_.empty()) return image;
  media::Image out = image;
  for (size_t i = 0; i < order_.size(); ++i) {
    for (size_t c = 0; c < 3; ++c) out.pixels[3 * i + c] = image.pixels[3 * size_t{order_[i]} + c];
  }
  return out;
}

Result<std::string> PictureTask::ApplyPng(const std::string& png) const {
  if (!changes()) return png;
  PERENNIAL_ASSIGN_OR_RETURN(const media::Image image, media::DecodeImage(png, media::DecodeLimits{}));
  if (!order_.empty() && order_.size() * 3 != image.pixels.size()) return Internal("picture of another size");
  return media::EncodePng(Apply(image));
}

}  // namespace perennial::bench
