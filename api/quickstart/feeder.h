#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "api/quickstart/dataset.h"
#include "serving/http/client.h"
#include "storage/base/status.h"

namespace perennial::quickstart {

// When samples became durable: offsets up to `end` (exclusive) were acknowledged at `time`.
struct Acknowledged {
  uint64_t end = 0;
  uint64_t samples = 0;  // of this batch
  SteadyTime time;
};

// How far the stream has come. Written by the feeder, read by all.
struct FeedProgress {
  std::atomic<size_t> slices_started{0};   // their test parts are at the hub and may be asked about
  std::atomic<uint64_t> samples{0};        // training samples accepted
  std::atomic<uint64_t> quarantined{0};
};

// Feeds the slices one after the other over HTTP, each once: its test part, then its training part in batches, letting at most
// `profile.backlog` untrained samples pile up (a sensor stream is not faster than the trainer for ever). Thread-compatible.
class Feeder {
 public:
  Feeder(const Dataset& dataset, const Profile& profile, std::string hub_url, SteadyTime deadline)
      : dataset_(dataset), profile_(profile), hub_url_(std::move(hub_url)), deadline_(deadline) {}
  // Blocks until all is fed and the hub has trained on it (or failed, or `stop` is set).
  Status Run(FeedProgress& progress, const std::atomic<bool>& stop);
  const std::vector<Acknowledged>& acknowledged() const { return acknowledged_; }

 private:
  Status SendPart(const std::vector<format::Sample>& part, bool train, FeedProgress& progress,
                  const std::atomic<bool>& stop);
  Status Send(const std::vector<format::Sample>& part, size_t begin, size_t end, bool train, FeedProgress& progress);
  // Waits until at most `backlog` log entries are untrained.
  Status WaitForTrainer(uint64_t backlog, const std::atomic<bool>& stop);

  const Dataset& dataset_;
  const Profile& profile_;
  const std::string hub_url_;
  const SteadyTime deadline_;
  std::unique_ptr<http::Client> client_;
  std::vector<Acknowledged> acknowledged_;
};

}  // namespace perennial::quickstart
