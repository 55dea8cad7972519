#include "api/bench/continual_stream.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>

#include "storage/base/rng.h"
#include "storage/sources/source.h"

namespace perennial::bench {
namespace {

// "9" before "10", words by their bytes.
bool LabelBefore(const std::string& a, const std::string& b) {
  char* end_a = nullptr;
  char* end_b = nullptr;
  const double number_a = std::strtod(a.c_str(), &end_a), number_b = std::strtod(b.c_str(), &end_b);
  const bool numbers = !a.empty() && !b.empty() && *end_a == '\0' && *end_b == '\0';
  return numbers && number_a != number_b ? number_a < number_b : a < b;
}

template <typename T>
void Shuffle(std::vector<T>& items, Rng& rng) {
  for (size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[rng.Below(i)]);
}

std::string TaskName(const std::vector<std::string>& labels, size_t first, size_t count) {
  std::string name;
  for (size_t i = first; i < first + count; ++i) name += (i == first ? "" : "+") + labels[i];
  return name;
}

void SplitByLabel(const LabelledData& data, uint64_t per_task, ContinualStream& stream) {
  std::set<std::string> seen;
  for (const format::Sample& sample : data.train) seen.insert(*sample.label);
  std::vector<std::string> labels(seen.begin(), seen.end());
  std::sort(labels.begin(), labels.end(), LabelBefore);
  for (size_t first = 0; first < labels.size(); first += per_task) {
    const size_t count = std::min<size_t>(per_task, labels.size() - first);
    stream.slices.push_back(TaskName(labels, first, count));
    for (size_t i = first; i < first + count; ++i) stream.slice_of_label.emplace_back(labels[i], stream.slices.back());
  }
  std::sort(stream.slice_of_label.begin(), stream.slice_of_label.end());
}

}  // namespace

std::string ContinualStream::SliceOf(const format::Sample& sample) const {
  if (slice_of_label.empty()) return sample.slice.empty() ? "default" : sample.slice;
  const auto at = std::lower_bound(slice_of_label.begin(), slice_of_label.end(), *sample.label,
                                   [](const auto& entry, const std::string& label) { return entry.first < label; });
  return at != slice_of_label.end() && at->first == *sample.label ? at->second : std::string();
}

Result<LabelledData> LoadLabelled(const std::string& path) {
  PERENNIAL_ASSIGN_OR_RETURN(const auto source, sources::OpenSource(path, sources::SourceOptions{}));
  LabelledData data;
  for (;;) {
    PERENNIAL_ASSIGN_OR_RETURN(std::optional<sources::Item> item, source->Next());
    if (!item) break;
    PERENNIAL_RETURN_IF_ERROR(item->sample.status().WithContext(item->pointer));
    format::Sample& sample = *item->sample;
    if (!sample.label) continue;
    (sample.part == format::Part::kTest ? data.test : data.train).push_back(std::move(sample));
  }
  if (data.train.empty() || data.test.empty()) {
    return InvalidArgument(path + ": needs labelled samples in a training and a test part",
                           "name the held-out files or folders test*");
  }
  return data;
}

Result<ContinualStream> MakeStream(const LabelledData& data, const ContinualOptions& options, uint64_t seed) {
  ContinualStream stream;
  Rng rng(seed);
  if (options.protocol == "slices") {
    for (const format::Sample& sample : data.train) {
      const std::string slice = stream.SliceOf(sample);
      if (std::find(stream.slices.begin(), stream.slices.end(), slice) == stream.slices.end()) {
        stream.slices.push_back(slice);
      }
    }
  } else {
    SplitByLabel(data, options.classes_per_task, stream);
  }
  std::map<std::string, size_t> index;
  for (const std::string& slice : stream.slices) {
    index.emplace(slice, index.size());
    stream.parts.push_back({slice, {}});
  }
  for (const format::Sample& sample : data.train) {
    stream.parts[index.at(stream.SliceOf(sample))].train.push_back(&sample);
  }
  stream.tests.resize(stream.slices.size());
  for (const format::Sample& sample : data.test) {
    if (const auto at = index.find(stream.SliceOf(sample)); at != index.end())
      stream.tests[at->second].push_back(&sample);
  }
  if (options.protocol == "slices" && options.strategy != "joint") return stream;
  if (options.protocol == "shuffled" || options.strategy == "joint") {
    StreamPart all{"all", {}};
    for (const StreamPart& part : stream.parts) all.train.insert(all.train.end(), part.train.begin(), part.train.end());
    stream.parts = {std::move(all)};
  }
  for (StreamPart& part : stream.parts) Shuffle(part.train, rng);
  return stream;
}

}  // namespace perennial::bench
