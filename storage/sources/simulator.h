#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "storage/base/status.h"
#include "storage/format/sample.h"
#include "storage/sources/source.h"

namespace perennial::sources {

// The field simulator: procedural inspection pictures (surfaces with defects) and an operator's question or note about
// each, in English or Chinese, whose answer needs both image and text. Deterministic by seed.
struct SimulatorOptions {
  uint64_t seed = 1;
  int image_size = 64;             // pixels, square
  uint64_t train_per_slice = 600;  // questions
  uint64_t test_per_slice = 150;   // on pictures of their own
  int questions_per_image = 2;
  double chinese_share = 0.3;
  // The drift schedule, a slice each, in this order (names of SimulatorSlices()); empty: the default schedule.
  std::vector<std::string> schedule;
  bool jpeg = false;  // else PNG
  Status Validate() const;
};

// Known slices in schedule order: "base" (two surfaces, three defect kinds), then "new-defect", "new-surface",
// "new-question", "new-camera", ...
std::vector<std::string> SimulatorSlices();

// The simulator as a Source: for each slice its test part, then its training part.
Result<std::unique_ptr<Source>> OpenSimulator(const SimulatorOptions& options);

enum class DatasetLayout { kFolder, kTar };
// Writes what OpenSimulator yields: image folder with metadata.jsonl (train/ and test/), or train.tar and test.tar, and
// slices.toml.
Status WriteDataset(const SimulatorOptions& options, const std::string& path, DatasetLayout layout);

}  // namespace perennial::sources
