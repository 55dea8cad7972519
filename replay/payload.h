#pragma once

#include <string>
#include <string_view>

#include "replay/example.h"
#include "replay/replay_codec.h"
#include "replay/replay_options.h"
#include "storage/base/status.h"

// Between an example as the trainer sees it and the bytes that are kept of it.
namespace perennial::replay {

// The picture in the form that `options.payload` asks for; of jpeg and deflate the smaller one. A picture without
// pixels that does not decode is kept as it came. Equal examples give equal bytes.
struct Recorded {
  std::string record;
  uint64_t bytes = 0;  // that count against the budget
};
Recorded RecordOf(const Example& example, const ReplayOptions& options);

// The example with its pixels at options.image_size, without encoded bytes. kCorruption when it cannot be read.
Result<Example> ExampleOf(std::string_view record, const ReplayOptions& options);

// What a draw gives of an example that was just recorded: what ExampleOf(record) gives, from the pixels at hand where
// they are the same.
Result<Example> DrawableOf(Example example, std::string_view record, const ReplayOptions& options);

}  // namespace perennial::replay
