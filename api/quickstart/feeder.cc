#include "api/quickstart/feeder.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/quickstart/hub_api.h"
#include "storage/sources/source.h"

namespace perennial::quickstart {
namespace {
constexpr Duration kPollEvery = std::chrono::milliseconds(50);
}  // namespace

Status Feeder::Run(FeedProgress& progress, const std::atomic<bool>& stop) {
  PERENNIAL_ASSIGN_OR_RETURN(client_, http::Client::Make({hub_url_, "", std::chrono::seconds(30)}));
  for (const SliceData& slice : dataset_.slices) {
    PERENNIAL_RETURN_IF_ERROR(SendPart(slice.test, false, progress, stop));
    ++progress.slices_started;
    PERENNIAL_RETURN_IF_ERROR(SendPart(slice.train, true, progress, stop));
  }
  PERENNIAL_ASSIGN_OR_RETURN(const http::ClientResponse flushed,
                             client_->Post("/api/v1/samples/flush", "{}", "application/json"));
  PERENNIAL_RETURN_IF_ERROR(ExpectSuccess(flushed, "flush the stream"));
  return WaitForTrainer(0, stop);
}

Status Feeder::SendPart(const std::vector<format::Sample>& part, bool train, FeedProgress& progress,
                        const std::atomic<bool>& stop) {
  for (size_t begin = 0; begin < part.size() && !stop; begin += profile_.feed_batch) {
    const size_t end = std::min<size_t>(begin + profile_.feed_batch, part.size());
    PERENNIAL_RETURN_IF_ERROR(Send(part, begin, end, train, progress).WithContext("feed samples"));
    if (train) PERENNIAL_RETURN_IF_ERROR(WaitForTrainer(profile_.backlog, stop));
  }
  return Status::Ok();
}

Status Feeder::Send(const std::vector<format::Sample>& part, size_t begin, size_t end, bool train,
                    FeedProgress& progress) {
  std::string lines;
  for (size_t i = begin; i < end; ++i) lines += sources::SampleToJson(part[i]) + "\n";
  PERENNIAL_ASSIGN_OR_RETURN(const http::ClientResponse response,
                             client_->Post("/api/v1/samples/bulk", lines, "application/x-ndjson"));
  PERENNIAL_RETURN_IF_ERROR(ExpectSuccess(response, "bulk ingest"));
  const nlohmann::json answer = nlohmann::json::parse(response.body, nullptr, false);
  if (!answer.is_object() || !answer.contains("items")) return Internal("bulk ingest answered " + response.body);
  Acknowledged batch;
  batch.time = std::chrono::steady_clock::now();
  for (const auto& item : answer["items"]) {
    const std::string status = item.value("status", "");
    if (status == "quarantined") ++progress.quarantined;
    if (status != "accepted") continue;
    ++batch.samples;
    batch.end = std::max<uint64_t>(batch.end, item.value("offset", uint64_t{0}) + 1);
  }
  if (train && batch.samples > 0) {
    progress.samples += batch.samples;
    acknowledged_.push_back(batch);
  }
  return Status::Ok();
}

Status Feeder::WaitForTrainer(uint64_t backlog, const std::atomic<bool>& stop) {
  while (!stop) {
    PERENNIAL_ASSIGN_OR_RETURN(const std::string body, GetBody(*client_, "/api/v1/status"));
    const nlohmann::json status = nlohmann::json::parse(body, nullptr, false);
    if (!status.is_object() || !status.contains("trainer")) return Internal("the hub's status is " + body);
    const auto& trainer = status["trainer"];
    if (trainer.value("state", "") == "failed") return Internal("the trainer failed: " + trainer.value("error", ""));
    uint64_t slowest = trainer.value("backlog", uint64_t{0});
    for (const auto& shadow : status.value("shadow", nlohmann::json::object())) slowest = std::max(slowest, shadow.value("backlog", uint64_t{0}));
    if (slowest <= backlog) return Status::Ok();
    if (std::chrono::steady_clock::now() > deadline_) return DeadlineExceeded("the trainer did not keep up in time");
    Pause(kPollEvery);
  }
  return Status::Ok();
}

}  // namespace perennial::quickstart
