#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "api/bench/continual_options.h"
#include "storage/base/hash.h"
#include "storage/base/status.h"
#include "storage/format/sample.h"

namespace perennial::bench {

// A labelled data set, read once. Pictures are PNG of the network's size, so that what follows cannot tell file formats
// apart; every sample has an id of its own, a slice and a group (its picture's hash where the data names
// none). Immutable then.
struct LabelledData {
  std::vector<format::Sample> samples;
  std::vector<uint32_t> folds;  // by sample; empty: the samples' own parts count
  uint64_t fold_count = 0;
  std::vector<std::string> slices;  // in the order the data gives them
  std::vector<std::string> labels;  // of all samples, in stream order: numbers by value, then words by their bytes
  uint64_t left_out = 0;            // samples that could not be read
  std::string first_error;          // why the first of them
  bool has_text = false;
  Hash256 digest;  // of the samples as they lie in the data
};

// Reads --data as --dataset says. `side`: the network's picture size. kInvalidArgument with what is missing; a sample
// that cannot be read is left out, with a line on standard error for the first ones.
Result<LabelledData> LoadLabelled(const ContinualOptions& options, int side);

// Numbers of samples of one seed's training and test part.
struct DataSplit {
  std::vector<uint32_t> train;
  std::vector<uint32_t> test;
};
// By folds, by --test-share, by --validate or by the samples' own parts. With --quick every tenth of each label.
// kInvalidArgument when a part is empty, saying what to do.
Result<DataSplit> SplitData(const LabelledData& data, const ContinualOptions& options, uint64_t seed);

// Uniform in [0, 1), a function of (seed, purpose, text) only.
double UniformOf(uint64_t seed, uint64_t purpose, std::string_view text);

}  // namespace perennial::bench
