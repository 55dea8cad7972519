#pragma once

#include <functional>
#include <string>
#include <vector>

#include "serving/http/client.h"
#include "storage/base/clock.h"
#include "storage/base/status.h"

namespace perennial::cli {

// What the hub did with one line of a bulk request.
struct LineOutcome {
  enum class State : uint8_t { kAccepted, kDuplicate, kQuarantined, kRefused } state = State::kAccepted;
  Status error;  // kQuarantined, kRefused
};

// Posts NDJSON batches and tries again when the hub says it is busy (429, 503, after Retry-After) or the connection
// breaks: with the same Idempotency-Key, so an answer that got lost is told again. Thread-compatible; borrows its
// client.
class BulkSender {
 public:
  static constexpr int kMaxAttempts = 20;  // in a row, for one batch
  // `wait` is Context::wait.
  BulkSender(http::Client& client, std::function<bool(Duration)> wait) : client_(client), wait_(std::move(wait)) {}
  // One outcome per line. kUnavailable when all attempts failed, kCancelled when interrupted while waiting.
  Result<std::vector<LineOutcome>> Send(const std::string& lines, size_t count, const std::string& key);

 private:
  http::Client& client_;
  const std::function<bool(Duration)> wait_;
};

}  // namespace perennial::cli
