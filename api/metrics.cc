#include <algorithm>
#include <charconv>

#include "api/prometheus_text.h"
#include "api/services.h"

namespace perennial::api {
namespace {

double Number(uint64_t value) { return static_cast<double>(value); }

void LogMetrics(PrometheusText& text, const samples::SampleLogStats& stats) {
  text.Counter("perennial_samples_accepted_total", "Samples made durable.", Number(stats.accepted));
  text.Counter("perennial_samples_duplicate_total", "Samples that were there already.", Number(stats.duplicates));
  text.Counter("perennial_samples_quarantined_total", "Samples that were refused.", Number(stats.quarantined));
  text.Gauge("perennial_samples_waiting_for_label", "Samples whose label has not come yet.",
             Number(stats.waiting_for_label));
  text.Gauge("perennial_samples_held_out", "Samples kept for evaluation.", Number(stats.held_out));
  text.Gauge("perennial_samples_trainable", "Samples to learn from.", Number(stats.trainable));
  text.Gauge("perennial_samples_forgotten", "Samples taken back by forgetting their source.", Number(stats.forgotten));
  text.Gauge("perennial_log_entries", "Entries of the sample log.", Number(stats.end));
  text.Gauge("perennial_quarantine_entries", "Entries in quarantine.", Number(stats.quarantine_entries));
  text.Gauge("perennial_quarantine_bytes", "Bytes of the entries in quarantine.", Number(stats.quarantine_bytes));
}

void TrainerMetrics(PrometheusText& text, const TrainerControl& control) {
  std::map<std::string, TrainerView> views = control.Shadows();
  views.emplace("main", control.Main());
  const auto family = [&](const char* name, const char* type, const char* help, auto value) {
    text.Family(name, type, help);
    for (const auto& [trainer, view] : views) text.Sample(value(view), {{"trainer", trainer}});
  };
  using View = TrainerView;
  family("perennial_trainer_steps_total", "counter", "Optimiser steps.", [](const View& v) { return Number(v.steps); });
  family("perennial_trainer_samples_total", "counter", "Samples learned from.",
         [](const View& v) { return Number(v.samples_trained); });
  family("perennial_trainer_backlog_entries", "gauge", "Log entries not read yet.",
         [](const View& v) { return Number(v.backlog); });
  family("perennial_trainer_loss", "gauge", "Running mean of the loss.", [](const View& v) { return v.loss; });
  family("perennial_trainer_labels", "gauge", "Labels known.", [](const View& v) { return Number(v.labels); });
  family("perennial_trainer_replay_bytes", "gauge", "Encoded bytes in the replay memory.",
         [](const View& v) { return Number(v.replay_bytes); });
  family("perennial_trainer_up", "gauge", "1 when the trainer runs, 0 when it is paused or failed.",
         [](const View& v) { return v.state == "running" ? 1.0 : 0.0; });
}

void EvaluationMetrics(PrometheusText& text, const Evaluations& evaluations) {
  const auto records = evaluations.Records();
  text.Family("perennial_evaluation_accuracy_ratio", "gauge", "Mean accuracy over the slices, newest evaluation.");
  for (const auto& [trainer, list] : records) {
    if (!list.empty()) text.Sample(list.back().average_accuracy, {{"trainer", trainer}});
  }
  text.Family("perennial_evaluation_forgetting_ratio", "gauge", "Mean loss of accuracy from each slice's best.");
  for (const auto& [trainer, list] : records) {
    if (!list.empty()) text.Sample(list.back().forgetting, {{"trainer", trainer}});
  }
}

void RolloutMetrics(PrometheusText& text, const Services& services) {
  const updater::RolloutState state = services.rollout.State();
  text.Family("perennial_rollout_version", "gauge", "Version number in each slot; 0: none.");
  text.Sample(Number(state.stable.value), {{"slot", "stable"}});
  text.Sample(Number(state.candidate.value), {{"slot", "canary"}});
  text.Gauge("perennial_rollout_canary_weight_ratio", "Share of the requests the candidate takes.",
             state.candidate.value == 0 ? 0 : state.weight_permille / 1000.0);
  const auto nodes = services.updates.Nodes();
  text.Family("perennial_nodes", "gauge", "Nodes by whether they report.");
  const auto connected = std::count_if(nodes.begin(), nodes.end(), [](const auto& node) { return node.connected; });
  text.Sample(static_cast<double>(connected), {{"state", "connected"}});
  text.Sample(static_cast<double>(std::ssize(nodes) - connected), {{"state", "lost"}});
}

void RequestMetrics(PrometheusText& text, const RouteTable& table) {
  text.Family("perennial_http_requests_total", "counter", "Requests answered, by route and status class.");
  for (const Route& route : table.routes()) {
    for (size_t c = 0; c < route.counters.by_status_class.size(); ++c) {
      const uint64_t count = route.counters.by_status_class[c].load();
      if (count == 0) continue;
      const std::string status = std::to_string(c) + "xx";
      text.Sample(Number(count), {{"method", route.method}, {"route", route.pattern}, {"status", status}});
    }
  }
  text.Family("perennial_http_request_duration_seconds", "histogram", "Time in the handler.");
  for (const Route& route : table.routes()) {
    uint64_t count = 0;
    for (const auto& bucket : route.counters.by_seconds) count += bucket.load();
    if (count == 0) continue;
    uint64_t cumulative = 0;
    for (size_t i = 0; i < route.counters.by_seconds.size(); ++i) {
      const bool last = i == RouteCounters::kBoundsSeconds.size();
      std::string bound = "+Inf";
      if (!last) {
        char digits[32];
        const auto printed = std::to_chars(digits, digits + sizeof digits, RouteCounters::kBoundsSeconds[i]);
        bound.assign(digits, printed.ptr);
      }
      // Counted while we read: the sum of the buckets must not pass the count.
      cumulative = last ? count : std::min(count, cumulative + route.counters.by_seconds[i].load());
      text.Sample(Number(cumulative), {{"method", route.method}, {"route", route.pattern}, {"le", bound}}, "_bucket");
    }
    text.Sample(Number(route.counters.micros.load()) / 1e6, {{"method", route.method}, {"route", route.pattern}},
                "_sum");
    text.Sample(Number(count), {{"method", route.method}, {"route", route.pattern}}, "_count");
  }
}

}  // namespace

void AddMetricsRoutes(RouteTable& table, const Services& services) {
  table.Add("GET", "/metrics", [&services, &table](const http::Request&, http::Response& response) {
    PrometheusText text;
    text.Family("perennial_build_info", "gauge", "The software that runs.");
    text.Sample(1, {{"version", PERENNIAL_VERSION}, {"program", "hub"}});
    LogMetrics(text, services.log.Stats());
    TrainerMetrics(text, services.trainer);
    EvaluationMetrics(text, services.evaluations);
    RolloutMetrics(text, services);
    RequestMetrics(text, table);
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    response.body = text.Take();
  });
}

}  // namespace perennial::api
