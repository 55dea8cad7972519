#include "serving/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <array>
#include <map>

#include "storage/base/mutex.h"

namespace perennial::serving {
namespace {

using Buckets = prometheus::Histogram::BucketBoundaries;

const Buckets kSeconds = {0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02,
                          0.03,   0.05,  0.1,   0.25,  0.5,   1,      2.5,  10};
const Buckets kBatchSizes = {1, 2, 4, 8, 16, 32, 64};
const Buckets kConfidences = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99};

const char* SlotName(bool canary) { return canary ? "canary" : "stable"; }

}  // namespace

struct Metrics::Impl {
  prometheus::Registry registry;

  template <typename T>
  prometheus::Family<T>& Make(prometheus::detail::Builder<T> builder, const char* name, const char* help) {
    return builder.Name(name).Help(help).Register(registry);
  }
  using Counters = prometheus::Family<prometheus::Counter>;
  using Gauges = prometheus::Family<prometheus::Gauge>;
  using Histograms = prometheus::Family<prometheus::Histogram>;

  Counters& requests = Make(prometheus::BuildCounter(), "perennial_requests_total", "Requests answered.");
  Counters& failures =
      Make(prometheus::BuildCounter(), "perennial_request_failures_total", "Requests that got an error, by its code.");
  Counters& not_finite = Make(prometheus::BuildCounter(), "perennial_not_finite_outputs_total",
                              "Answers with a score that was not finite.");
  Counters& feedback =
      Make(prometheus::BuildCounter(), "perennial_feedback_total", "True labels that came back, by outcome.");
  Counters& swaps =
      Make(prometheus::BuildCounter(), "perennial_swaps_total", "Times another version became the stable one.");
  Histograms& latency =
      Make(prometheus::BuildHistogram(), "perennial_request_duration_seconds", "From admission to answer.");
  Histograms& queue_time =
      Make(prometheus::BuildHistogram(), "perennial_queue_duration_seconds", "Waiting for a batch.");
  Histograms& compute_time =
      Make(prometheus::BuildHistogram(), "perennial_compute_duration_seconds", "The batch's time in the network.");
  Histograms& batch_size = Make(prometheus::BuildHistogram(), "perennial_batch_size", "Samples in a batch.");
  Histograms& confidence = Make(prometheus::BuildHistogram(), "perennial_confidence", "Softmax of the top label.");
  Gauges& queue_depth = Make(prometheus::BuildGauge(), "perennial_queue_depth", "Requests waiting for a batch now.");
  Gauges& canary_weight =
      Make(prometheus::BuildGauge(), "perennial_canary_weight_ratio", "Share of requests the canary takes.");
  Gauges& model_info = Make(prometheus::BuildGauge(), "perennial_model_info", "The version in each slot; always 1.");
  Gauges& mean_confidence =
      Make(prometheus::BuildGauge(), "perennial_confidence_mean_ratio", "Mean confidence since the slot last changed.");
  Gauges& calibration = Make(prometheus::BuildGauge(), "perennial_calibration_error_ratio",
                             "Expected calibration error by feedback since the slot last changed.");

  std::array<prometheus::Counter*, 2> request_count{};
  std::array<prometheus::Histogram*, 2> request_latency{}, request_confidence{};
  prometheus::Histogram& queue_seconds = queue_time.Add({}, kSeconds);
  prometheus::Histogram& compute_seconds = compute_time.Add({}, kSeconds);
  prometheus::Histogram& batch_sizes = batch_size.Add({}, kBatchSizes);
  prometheus::Counter& swap_count = swaps.Add({});

  Mutex scrape_mutex;
  std::vector<prometheus::Gauge*> info GUARDED_BY(scrape_mutex);  // of the last scrape

  Impl() {
    for (const bool canary : {false, true}) {
      const prometheus::Labels labels = {{"slot", SlotName(canary)}};
      request_count[canary] = &requests.Add(labels);
      request_latency[canary] = &latency.Add(labels, kSeconds);
      request_confidence[canary] = &confidence.Add(labels, kConfidences);
      not_finite.Add(labels);
    }
    failures.Add({{"code", "internal"}});
  }
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}
Metrics::~Metrics() = default;

void Metrics::Request(bool canary, double seconds, double confidence) {
  impl_->request_count[canary]->Increment();
  impl_->request_latency[canary]->Observe(seconds);
  impl_->request_confidence[canary]->Observe(confidence);
}

void Metrics::Failure(Code code) { impl_->failures.Add({{"code", std::string(CodeName(code))}}).Increment(); }
void Metrics::NotFinite(bool canary) { impl_->not_finite.Add({{"slot", SlotName(canary)}}).Increment(); }
void Metrics::Batch(size_t size) { impl_->batch_sizes.Observe(static_cast<double>(size)); }

void Metrics::Waited(double queue_seconds, double compute_seconds) {
  impl_->queue_seconds.Observe(queue_seconds);
  impl_->compute_seconds.Observe(compute_seconds);
}

void Metrics::Feedback(bool canary, bool correct) {
  impl_->feedback.Add({{"slot", SlotName(canary)}, {"outcome", correct ? "correct" : "wrong"}}).Increment();
}

void Metrics::Swap() { impl_->swap_count.Increment(); }

std::string Metrics::Text(const std::vector<Slot>& slots, size_t queue_depth, uint32_t canary_permille) {
  MutexLock lock(impl_->scrape_mutex);
  for (prometheus::Gauge* gauge : impl_->info) impl_->model_info.Remove(gauge);
  impl_->info.clear();
  for (const Slot& slot : slots) {
    const prometheus::Labels labels = {{"slot", SlotName(slot.canary)}};
    prometheus::Labels full = labels;
    full["model"] = slot.model;
    full["version"] = slot.version;
    full["root"] = slot.root;
    prometheus::Gauge& gauge = impl_->model_info.Add(full);
    gauge.Set(1);
    impl_->info.push_back(&gauge);
    impl_->mean_confidence.Add(labels).Set(slot.confidence.mean);
    if (slot.confidence.outcomes > 0) impl_->calibration.Add(labels).Set(slot.confidence.calibration_error);
  }
  impl_->queue_depth.Add({}).Set(static_cast<double>(queue_depth));
  impl_->canary_weight.Add({}).Set(static_cast<double>(canary_permille) / 1000.0);
  return prometheus::TextSerializer().Serialize(impl_->registry.Collect());
}

}  // namespace perennial::serving
