#include "replay/replay_options.h"

namespace perennial::replay {
namespace {

Status CheckShare(const char* name, double value) {
  if (value >= 0 && value <= 1) return Status::Ok();
  return InvalidArgument(std::string("replay ") + name + " is " + std::to_string(value) + ", not between 0 and 1",
                         "0 is no limit");
}

}  // namespace

Status ReplayOptions::Validate() const {
  if (policy == Policy::kNone) return Status::Ok();
  if (capacity < 1 || capacity > (1u << 30)) {
    return InvalidArgument("replay capacity must be between 1 and 2^30 examples",
                           "use policy none to remember nothing");
  }
  if (capacity_bytes < 1) return InvalidArgument("replay capacity_bytes must be at least 1");
  PERENNIAL_RETURN_IF_ERROR(CheckShare("source_share", source_share));
  PERENNIAL_RETURN_IF_ERROR(CheckShare("source_draw_share", source_draw_share));
  if (jpeg_quality < 1 || jpeg_quality > 100) {
    return InvalidArgument("replay jpeg_quality is " + std::to_string(jpeg_quality) + ", not 1 to 100");
  }
  if (image_size < 1 || image_size > 4096) return InvalidArgument("replay image_size must be between 1 and 4096");
  return Status::Ok();
}

}  // namespace perennial::replay
