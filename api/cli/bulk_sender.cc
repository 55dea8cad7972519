#include "api/cli/bulk_sender.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "api/cli/hub.h"

namespace perennial::cli {
namespace {

constexpr Duration kFirstPause = std::chrono::milliseconds(200);
constexpr Duration kLongestPause = std::chrono::seconds(10);

bool IsPassing(const Status& status) {
  return status.code() == Code::kUnavailable || status.code() == Code::kDeadlineExceeded;
}

// What the hub asks for, within reason; else twice as long each time.
Duration PauseBefore(int attempt, const Result<http::ClientResponse>& response) {
  if (response.ok()) {
    const std::string_view text = response->Header("retry-after");
    int seconds = -1;
    std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (seconds >= 0) return std::clamp<Duration>(std::chrono::seconds(seconds), kFirstPause, std::chrono::seconds(60));
  }
  return std::min(kFirstPause * (int64_t{1} << std::min(attempt, 10)), kLongestPause);
}

Result<std::vector<LineOutcome>> ReadOutcomes(const std::string& body, size_t count) {
  const Status odd = Internal("the hub's answer to a bulk request is not as documented", "is the hub of this release?");
  const auto json = nlohmann::json::parse(body, nullptr, false);
  if (!json.is_object() || !json.contains("items") || !json["items"].is_array() || json["items"].size() != count)
    return odd;
  std::vector<LineOutcome> outcomes;
  for (const auto& item : json["items"]) {
    const std::string status = item.value("status", "");
    LineOutcome outcome;
    if (status == "duplicate") {
      outcome.state = LineOutcome::State::kDuplicate;
    } else if (status == "quarantined" || status == "refused") {
      outcome.state = status == "refused" ? LineOutcome::State::kRefused : LineOutcome::State::kQuarantined;
      const auto code = CodeFromName(item.value("code", ""));
      outcome.error =
          Status(code.value_or(Code::kInvalidArgument), item.value("message", "refused"), item.value("hint", ""));
    } else if (status != "accepted") {
      return odd;
    }
    outcomes.push_back(std::move(outcome));
  }
  return outcomes;
}

}  // namespace

Result<std::vector<LineOutcome>> BulkSender::Send(const std::string& lines, size_t count, const std::string& key) {
  Status last;
  for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
    const auto response =
        client_.Post("/api/v1/samples/bulk", lines, "application/x-ndjson", {{"Idempotency-Key", key}});
    if (response.ok() && response->status == 200) {
      try {
        return ReadOutcomes(response->body, count);
      } catch (const nlohmann::json::exception& error) {
        return Internal(std::string("the hub's answer to a bulk request: ") + error.what());
      }
    }
    last = response.ok() ? StatusOf(*response) : response.status();
    // 409: the first try of this key is still under way.
    const bool busy =
        response.ok() ? response->status == 429 || response->status == 503 || response->status == 409 : IsPassing(last);
    if (!busy) return last.WithContext("bulk post");
    if (!wait_(PauseBefore(attempt, response))) return Cancelled("interrupted");
  }
  return Unavailable("gave up after " + std::to_string(kMaxAttempts) + " attempts: " + last.message(),
                     "go on later with --resume");
}

}  // namespace perennial::cli
