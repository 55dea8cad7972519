#include "api/ingest.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/json_body.h"

namespace perennial::api {
namespace {

constexpr double kMaxRetrySeconds = 60;

// How long the trainer needs for what lies above the mark.
int RetryAfterSeconds(uint64_t excess, double samples_per_s) {
  if (samples_per_s <= 0) return static_cast<int>(kMaxRetrySeconds);
  return static_cast<int>(std::clamp(static_cast<double>(excess) / samples_per_s, 1.0, kMaxRetrySeconds));
}

}  // namespace

bool AdmitSamples(const Services& services, const ApiOptions& options, http::Response& response) {
  const TrainerView trainer = services.trainer.Main();
  if (trainer.backlog < options.max_backlog) return true;
  response.headers.emplace_back("Retry-After", std::to_string(RetryAfterSeconds(
                                                   trainer.backlog - options.max_backlog + 1, trainer.samples_per_s)));
  std::string hint = "send again after the time in Retry-After";
  if (trainer.state != "running") hint = "the trainer is " + trainer.state + ": POST /api/v1/trainer/resume";
  http::WriteProblem(
      response, 429,
      ResourceExhausted(std::to_string(trainer.backlog) + " samples wait for the trainer, the limit is " +
                            std::to_string(options.max_backlog),
                        hint));
  return false;
}

std::string OutcomeJson(const samples::AppendOutcome& outcome, const std::string& pointer) {
  using State = samples::AppendOutcome::State;
  if (outcome.state == State::kAccepted || outcome.state == State::kDuplicate) {
    const char* status = outcome.state == State::kAccepted ? "accepted" : "duplicate";
    return std::string(R"({"status":")") + status + R"(","offset":)" + outcome.offset.ToString() + "}";
  }
  nlohmann::ordered_json item = {{"status", outcome.state == State::kRefused ? "refused" : "quarantined"},
                                 {"code", CodeName(outcome.error.code())},
                                 {"message", outcome.error.message()},
                                 {"hint", outcome.error.hint()},
                                 {"pointer", pointer}};
  // 0: the record itself could not be written (a full disk); the item's error says what was wrong all the same.
  if (outcome.quarantine_id != 0) item["quarantine_id"] = outcome.quarantine_id;
  return item.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace perennial::api
