#pragma once

#include <memory>
#include <string>
#include <vector>

#include "serving/monitor/confidence.h"
#include "storage/base/status.h"
#include "updater/evidence.h"

namespace perennial::serving {

// Everything the engine counts, in Prometheus' text format (base units, _total, histograms). Never a label per version:
// the label is slot="stable" or "canary", and perennial_model_info says which version that is. Thread-safe.
class Metrics {
 public:
  Metrics();
  ~Metrics();

  void Request(bool canary, double seconds, double confidence);
  void Failure(Code code);
  void NotFinite(bool canary);
  void Batch(size_t size);
  void Waited(double queue_seconds, double compute_seconds);
  void Feedback(bool canary, bool correct);
  void Swap();

  struct Slot {
    bool canary = false;
    std::string model, version, root;
    monitor::ConfidenceStats::Summary confidence;
  };
  // Scrape: the counters above with what is resident now.
  std::string Text(const std::vector<Slot>& slots, size_t queue_depth, uint32_t canary_permille);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace perennial::serving
