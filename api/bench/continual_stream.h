#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "api/bench/continual_data.h"
#include "api/bench/continual_options.h"
#include "api/bench/picture_task.h"
#include "storage/base/status.h"
#include "storage/format/sample.h"

namespace perennial::bench {

// One sample of the stream: which one of the data, what its slice is, and its label when that was made wrong.
struct StreamItem {
  static constexpr uint32_t kTrueLabel = UINT32_MAX;
  uint32_t sample = 0;
  uint32_t slice = 0;
  uint32_t wrong_label = kTrueLabel;  // number in LabelledData::labels
  uint16_t copy = 0;                  // which one of its slice, where a sample is sent more than once
  bool poison = false;                // sent by the source "poison"
};

// A stretch of the stream. The trainer is not told where it ends; the figures are by slice.
struct StreamPart {
  std::string name;
  std::vector<StreamItem> items;  // in stream order
};

// The stream of one seed. REQUIRES the data outlives it. Immutable; thread-safe.
struct ContinualStream {
  const LabelledData* data = nullptr;
  std::vector<std::string> slices;
  std::vector<StreamPart> parts;               // part i is slice i's own, unless there is one part with everything
  std::vector<std::vector<StreamItem>> tests;  // by slice
  std::vector<std::vector<StreamItem>> gate;   // by slice: kept from training, for the gate
  std::vector<PictureTask> tasks;              // by slice; empty: pictures stay as they are
  uint64_t sources = 1;                        // senders of the samples, by group; 1: the data's own
  uint64_t seed = 1;                           // draws which sender
  uint64_t dropped_tests = 0;                  // of classes or slices that the training part lacks

  bool HasBoundaries() const { return parts.size() > 1 && parts.size() == slices.size(); }
  uint64_t TrainSize() const;
  const std::string& TrueLabel(const StreamItem& item) const { return *data->samples[item.sample].label; }
  // The source that sends it.
  std::string SourceOf(const StreamItem& item) const;
  // Unique within a slice: the data's id.
  const std::string& IdOf(const StreamItem& item) const { return data->samples[item.sample].id; }
  // The sample as the log gets it: task's picture, slice, label, an id that is unique in the stream. Part train.
  Result<format::Sample> Make(const StreamItem& item) const;
};

std::vector<std::string> ProtocolNames();

// split: classes in order of their names, `classes_per_task` to a part; shuffled: the same slices, one part with
// everything mixed; slices: the data's own slices in its order; rotated, permuted: the same classes in every task, each
// task's pictures turned by its own angle in [0, 180) degrees, or their pixels permuted (the first task's are not);
// blurry: split, then each part swaps `blur` of its samples with its neighbours (half with each; the first and the last
// have one), tests stay clear; longtail: split, class sizes in training fall exponentially to a hundredth, which class
// has which size is drawn, test parts are cut to equal classes. Within a part the order is drawn. Strategy joint puts
// everything into one shuffled part. The gate's share is drawn by groups, and no group of it is trained on in any
// slice; it and the test parts never have wrong labels, nor what --poison-share and --duplicate-source send more than
// once: poison lies anywhere in the sample's own part, copies of a loud source in a row. kInvalidArgument when the data
// cannot have the protocol.
Result<ContinualStream> MakeStream(const LabelledData& data, const DataSplit& split, const ContinualOptions& options,
                                   int side, uint64_t seed);

}  // namespace perennial::bench
