#include <cmath>
#include <nlohmann/json.hpp>

#include "trainer/online_trainer.h"

namespace perennial::trainer {
namespace {

nlohmann::json NumberOrNull(double value) {
  return std::isfinite(value) ? nlohmann::json(value) : nlohmann::json(nullptr);
}

}  // namespace

std::string EvaluationReport::ToJson() const {
  nlohmann::json out;
  out["average_accuracy"] = NumberOrNull(average_accuracy);
  out["average_balanced_accuracy"] = NumberOrNull(average_balanced_accuracy);
  out["forgetting"] = NumberOrNull(forgetting);
  out["backward_transfer"] = NumberOrNull(backward_transfer);
  out["shipped"] = shipped;
  out["head_only"] = head_only;
  if (head_only) out["head_samples"] = head_samples;
  out["steps"] = steps;
  out["trained_until"] = trained_until;
  out["read_until"] = read_until;
  out["forgotten_until"] = forgotten_until;
  if (trained_anew) out["trained_anew"] = trained_anew;
  out["network_accuracy"] = NumberOrNull(network_accuracy);
  out["negative_flip_rate"] = NumberOrNull(negative_flip_rate);
  out["flips_compared"] = flips_compared;
  out["flips_lost"] = flips_lost;
  out["flips_won"] = flips_won;
  out["warning"] = warning;
  out["slices"] = nlohmann::json::array();
  for (const SliceMetrics& slice : slices) {
    out["slices"].push_back({{"slice", slice.slice},
                             {"samples", slice.samples},
                             {"accuracy", NumberOrNull(slice.accuracy)},
                             {"balanced_accuracy", NumberOrNull(slice.balanced_accuracy)},
                             {"best_accuracy", NumberOrNull(slice.best_accuracy)},
                             {"learned_accuracy", NumberOrNull(slice.learned_accuracy)},
                             {"gate_samples", slice.gate_samples},
                             {"gate_correct", slice.gate_correct}});
  }
  // A slice name is any UTF-8 that ingest let in; replacing what is not keeps a report from ever failing.
  return out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace perennial::trainer
