#include "api/quickstart/dataset.h"

#include <algorithm>
#include <memory>

#include "storage/sources/simulator.h"
#include "storage/sources/source.h"

namespace perennial::quickstart {
namespace {

std::vector<std::string> SplitByComma(const std::string& text) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

Result<std::unique_ptr<sources::Source>> OpenData(const Options& options, const Profile& profile) {
  if (!options.data.empty()) return sources::OpenSource(options.data, {});
  sources::SimulatorOptions simulator;
  simulator.seed = options.seed;
  simulator.train_per_slice = profile.train_per_slice;
  simulator.test_per_slice = profile.test_per_slice;
  simulator.schedule = SplitByComma(profile.schedule);
  return sources::OpenSimulator(simulator);
}

SliceData& SliceOf(Dataset& dataset, const std::string& name) {
  const auto found = std::find_if(dataset.slices.begin(), dataset.slices.end(),
                                  [&](const SliceData& slice) { return slice.name == name; });
  if (found != dataset.slices.end()) return *found;
  return dataset.slices.emplace_back(SliceData{name, {}, {}});
}

}  // namespace

Result<Dataset> LoadDataset(const Options& options, const Profile& profile) {
  PERENNIAL_ASSIGN_OR_RETURN(const auto source, OpenData(options, profile));
  Dataset dataset;
  for (;;) {
    PERENNIAL_ASSIGN_OR_RETURN(std::optional<sources::Item> item, source->Next());
    if (!item) break;
    if (!item->sample.ok()) {
      if (dataset.bad_items++ == 0) dataset.first_problem = item->pointer + ": " + item->sample.status().ToString();
      continue;
    }
    format::Sample sample = std::move(item->sample).value();
    if (!sample.label) continue;
    if (sample.slice.empty()) sample.slice = "default";
    SliceData& slice = SliceOf(dataset, sample.slice);
    (sample.part == format::Part::kTest ? slice.test : slice.train).push_back(std::move(sample));
  }
  std::erase_if(dataset.slices, [](const SliceData& slice) { return slice.train.empty(); });
  if (dataset.slices.empty()) return InvalidArgument("the data holds no labelled training sample");
  for (const SliceData& slice : dataset.slices) {
    if (slice.test.empty()) {
      return InvalidArgument("slice '" + slice.name + "' has no test part, so its accuracy cannot be shown",
                             "put some of its samples into a file or folder named test*");
    }
  }
  return dataset;
}

}  // namespace perennial::quickstart
