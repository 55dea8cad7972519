#pragma once

#include <cstdint>

#include "storage/base/status.h"
#include "storage/media/image.h"

namespace perennial::replay {

// What decides about an arriving example besides its label and source.
struct ReplayOptions {
  // reservoir: uniform over the stream (Vitter's R). class_balanced: Chrysakis and Moens, ICML 2020, partitions of
  // equal size as far as the stream allows, partitioned by label, by (label, source) or by (label, slice). herding: the
  // same sizes, of each partition those that are most like its mean together (herding_policy.h).
  enum class Policy : uint8_t { kNone, kReservoir, kClassBalanced, kHerding } policy = Policy::kClassBalanced;
  enum class Partition : uint8_t { kLabel, kLabelAndSource, kLabelAndSlice } partition = Partition::kLabelAndSource;
  uint64_t capacity = 5000;              // examples
  uint64_t capacity_bytes = 256u << 20;  // encoded bytes of all examples and their states
  // At most this share of `capacity`, and of `capacity_bytes`, is taken by examples of one source (of their bytes the
  // encoded ones, without states); 0: or 1: no limit. A source at it takes the place of its own examples. Room that
  // no other source claims stays empty.
  double source_share = 0;
  // At most this share of a draw is of one source, at least one example; what is over it is not drawn, so that a draw
  // may be smaller. 0 or 1: no limit.
  double source_draw_share = 0;
  // How a picture is kept. as_sent: the encoded bytes as they came. The others keep the pixels that the network sees
  // (image_size), a grey picture as one channel: raw, deflate (losslessly packed, raw where that is smaller), jpeg.
  enum class Payload : uint8_t { kAsSent, kRaw, kDeflate, kJpeg } payload = Payload::kAsSent;
  int jpeg_quality = 90;             // 1 to 100
  uint64_t cache_bytes = 1u << 30;   // decoded examples kept ready; what is beyond is decoded when it is drawn
  bool item_state = false;           // examples may carry an ItemState; off: none is kept, saved ones are dropped
  int image_size = 32;               // side of the decoded pictures
  media::DecodeLimits image_limits;  // a remembered picture that is over them is forgotten on load
  Status Validate() const;
};

}  // namespace perennial::replay
