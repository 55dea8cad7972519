#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "api/quickstart/options.h"
#include "storage/base/status.h"
#include "storage/format/sample.h"

namespace perennial::quickstart {

// One slice of the stream: its held-out test part and what is fed for training, both in the data's own order.
struct SliceData {
  std::string name;
  std::vector<format::Sample> test;
  std::vector<format::Sample> train;
};

// The data of a run, slices in stream order. Immutable once loaded; thread-safe then.
struct Dataset {
  std::vector<SliceData> slices;
  uint64_t bad_items = 0;     // items the source could not read
  std::string first_problem;  // the first of them, in words
};

// Reads options.data, or generates the field simulator's samples. kInvalidArgument when there is nothing to train on or nothing held out.
Result<Dataset> LoadDataset(const Options& options, const Profile& profile);

}  // namespace perennial::quickstart
