#include "api/bench/continual_stream.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "api/bench/continual_protocols.h"

namespace perennial::bench {
namespace {

constexpr uint64_t kGateDraw = 3, kSourceDraw = 5;
// Of a slice: enough for the gate to take its accuracies at their word (trainer::GateOptions::exact_samples), with room
// for the draw's chance.
constexpr double kGateSamples = 1080;
// Each candidate is evaluated on all slices so far: with many of them less of each.
constexpr double kGateSamplesInAll = 5400, kLeastGateSamples = 270;
constexpr size_t kLeastForGate = 5;  // a slice of fewer samples has no gate share

enum Purpose : uint64_t { kProtocol = 1, kOrder, kBlur, kNoise, kSaboteur, kPoison };

// Draws the gate's share out of the parts, by group: a group that is drawn for one slice is trained on in none.
void DrawGate(double share, uint64_t seed, ContinualStream& stream) {
  stream.gate.resize(stream.slices.size());
  if (share <= 0) return;
  std::vector<double> draw(stream.data->samples.size(), -1);
  const auto draw_of = [&](const StreamItem& item) {
    double& value = draw[item.sample];
    if (value < 0) value = UniformOf(seed, kGateDraw, stream.data->samples[item.sample].group);
    return value;
  };
  const double wanted =
      std::clamp(kGateSamplesInAll / static_cast<double>(stream.slices.size()), kLeastGateSamples, kGateSamples);
  std::unordered_map<std::string, double> most;  // by group: the largest threshold over its slices
  std::vector<double> threshold(stream.parts.size(), 0);
  for (size_t i = 0; i < stream.parts.size(); ++i) {
    const auto& items = stream.parts[i].items;
    if (items.size() < kLeastForGate) continue;
    double least = 1;
    for (const StreamItem& item : items) least = std::min(least, draw_of(item));
    // At least the group that comes first.
    threshold[i] = std::max(std::min(share, wanted / static_cast<double>(items.size())), std::nextafter(least, 1.0));
    for (const StreamItem& item : items) {
      double& value = most[stream.data->samples[item.sample].group];
      value = std::max(value, threshold[i]);
    }
  }
  for (size_t i = 0; i < stream.parts.size(); ++i) {
    std::vector<StreamItem> kept;
    for (const StreamItem& item : stream.parts[i].items) {
      const double value = draw_of(item);
      if (value < threshold[i]) {
        stream.gate[item.slice].push_back(item);
      } else if (value >= most[stream.data->samples[item.sample].group]) {
        kept.push_back(item);
      }
    }
    if (kept.empty()) {  // all of one group: better to learn it than to check it
      kept = stream.parts[i].items;
      stream.gate[i].clear();
    }
    stream.parts[i].items = std::move(kept);
  }
}

}  // namespace

uint64_t ContinualStream::TrainSize() const {
  uint64_t size = 0;
  for (const StreamPart& part : parts) size += part.items.size();
  return size;
}

std::string ContinualStream::SourceOf(const StreamItem& item) const {
  if (item.poison) return "poison";
  const format::Sample& sample = data->samples[item.sample];
  if (sources <= 1) return sample.source;
  const double draw = UniformOf(seed, kSourceDraw, sample.group) * static_cast<double>(sources);
  return "source " + std::to_string(static_cast<uint64_t>(draw) + 1);
}

Result<format::Sample> ContinualStream::Make(const StreamItem& item) const {
  format::Sample sample = data->samples[item.sample];
  sample.part = format::Part::kTrain;
  sample.slice = slices[item.slice];
  sample.time_us = 0;
  if (item.wrong_label != StreamItem::kTrueLabel) sample.label = data->labels[item.wrong_label];
  // Ids of the data may repeat, and a task repeats all of them.
  sample.id = std::to_string(item.slice) + "/" + std::to_string(item.sample);
  if (item.copy > 0) sample.id += "/" + std::to_string(item.copy);
  sample.source = SourceOf(item);
  if (!tasks.empty()) {
    PERENNIAL_ASSIGN_OR_RETURN(sample.image, tasks[item.slice].ApplyPng(sample.image));
  }
  return sample;
}

std::vector<std::string> ProtocolNames() {
  return {"split", "rotated", "permuted", "blurry", "longtail", "slices", "shuffled"};
}

Result<ContinualStream> MakeStream(const LabelledData& data, const DataSplit& split, const ContinualOptions& options,
                                   int side, uint64_t seed) {
  ContinualStream stream;
  stream.data = &data;
  Rng protocol_rng(seed, kProtocol), order_rng(seed, kOrder), blur_rng(seed, kBlur);
  Rng noise_rng(seed, kNoise), saboteur_rng(seed, kSaboteur), poison_rng(seed, kPoison);
  stream.sources = options.sources;
  stream.seed = seed;
  if (options.protocol == "slices") {
    PERENNIAL_RETURN_IF_ERROR(SplitBySlice(split, stream));
  } else if (options.protocol == "rotated" || options.protocol == "permuted") {
    PERENNIAL_RETURN_IF_ERROR(RepeatInTasks(split, options, side, protocol_rng, stream));
  } else {
    SplitByClass(split, options.classes_per_task, stream);
  }
  uint64_t tests = 0;
  for (const auto& slice : stream.tests) tests += slice.size();
  if (tests == 0) {
    return InvalidArgument("no test sample is of a class or slice that the training part has",
                           "train/ and test/ need the same class names");
  }
  if (options.protocol == "longtail") MakeLongTail(protocol_rng, stream);
  DrawGate(options.held_out, seed, stream);
  for (StreamPart& part : stream.parts) Shuffle(part.items, order_rng);
  if (options.protocol == "blurry") Blur(options.blur, blur_rng, stream);
  if (options.protocol == "shuffled" || options.strategy == "joint") MixAll(stream);
  for (StreamPart& part : stream.parts) Shuffle(part.items, order_rng);
  PERENNIAL_RETURN_IF_ERROR(AddPoison(options.poison_share, poison_rng, stream));
  RepeatLoudest(options.duplicate_source, stream);
  const uint64_t total = stream.TrainSize();
  PERENNIAL_RETURN_IF_ERROR(MislabelShare(options.label_noise, 0, total, noise_rng, stream));
  // The twentieth in the middle.
  PERENNIAL_RETURN_IF_ERROR(
      MislabelShare(options.saboteur, total * 19 / 40, total - total * 19 / 40, saboteur_rng, stream));
  return stream;
}

}  // namespace perennial::bench
