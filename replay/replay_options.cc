#include "replay/replay_options.h"

namespace perennial::replay {

Status ReplayOptions::Validate() const {
  if (policy == Policy::kNone) return Status::Ok();
  if (capacity < 1 || capacity > (1u << 30)) {
    return InvalidArgument("replay capacity must be between 1 and 2^30 examples",
                           "use policy none to remember nothing");
  }
  if (capacity_bytes < 1) return InvalidArgument("replay capacity_bytes must be at least 1");
  if (jpeg_quality < 1 || jpeg_quality > 100) {
    return InvalidArgument("replay jpeg_quality is " + std::to_string(jpeg_quality) + ", not 1 to 100");
  }
  if (image_size < 1 || image_size > 4096) return InvalidArgument("replay image_size must be between 1 and 4096");
  return Status::Ok();
}

}  // namespace perennial::replay
