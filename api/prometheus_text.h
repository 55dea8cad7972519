#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace perennial::api {

// Writes the Prometheus text format (version 0.0.4): one family at a time, then its samples. Thread-compatible.
class PrometheusText {
 public:
  using Labels = std::vector<std::pair<std::string_view, std::string_view>>;

  // Begins a family; `type` is counter, gauge or histogram.
  void Family(std::string_view name, std::string_view type, std::string_view help);
  // A sample of the family begun last; `suffix` is "_bucket", "_sum", "_count" in histograms.
  void Sample(double value, const Labels& labels = {}, std::string_view suffix = {});
  // A family with one sample.
  void Counter(std::string_view name, std::string_view help, double value);
  void Gauge(std::string_view name, std::string_view help, double value);

  std::string Take() { return std::move(out_); }

 private:
  std::string family_;
  std::string out_;
};

}  // namespace perennial::api
