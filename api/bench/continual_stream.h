#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "api/bench/continual_options.h"
#include "storage/base/status.h"
#include "storage/format/sample.h"

namespace perennial::bench {

// A labelled data set, read once. Immutable then.
struct LabelledData {
  std::vector<format::Sample> train;
  std::vector<format::Sample> test;
};
Result<LabelledData> LoadLabelled(const std::string& path);

// The stream of one seed: the parts of a protocol one after the other, each sample with its slice set. The trainer is
// not told where a part ends; the figures are by slice.
struct StreamPart {
  std::string name;
  std::vector<const format::Sample*> train;  // in stream order
};
struct ContinualStream {
  std::vector<StreamPart> parts;
  std::vector<std::vector<const format::Sample*>> tests;  // by slice
  std::vector<std::string> slices;                        // names of `tests`
  // The slice of a sample under the protocol.
  std::string SliceOf(const format::Sample& sample) const;

  std::vector<std::pair<std::string, std::string>> slice_of_label;  // split and shuffled: sorted by label
};

// split: the classes in the order of their names (numbers by value), `classes_per_task` to a part, each part shuffled;
// shuffled: the same slices, one part with everything mixed; slices: the data's own slices in the order they come in,
// unshuffled. Samples without a label are left out. REQUIRES `data` outlives the stream.
Result<ContinualStream> MakeStream(const LabelledData& data, const ContinualOptions& options, uint64_t seed);

}  // namespace perennial::bench
