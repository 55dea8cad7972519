#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "storage/base/clock.h"
#include "storage/base/ids.h"
#include "storage/base/status.h"
#include "storage/media/image.h"
#include "updater/evidence.h"
#include "updater/update_sink.h"

namespace perennial::serving {

struct EngineOptions {
  std::string node_name = "edge";
  std::string model_name = "default";
  size_t max_batch = 16;
  Duration max_batch_delay = std::chrono::milliseconds(1);
  size_t max_queue = 1024;  // then kResourceExhausted
  int compute_threads = 1;  // batcher threads
  Duration request_timeout = std::chrono::seconds(10);
  size_t remembered_answers = 65536;  // request ids kept for feedback
  size_t max_trial_failures = 1;      // answers with NaN before the node stops the trial by itself
  media::DecodeLimits image_limits;
  Status Validate() const;
};

// What a client asks. `image` is encoded bytes or empty, `text` UTF-8 or empty; at least one of the two.
struct InferRequest {
  std::string id;           // echoed; empty: the engine makes "NODE:N"
  std::string routing_key;  // canary stickiness; empty: the id
  std::string image;
  std::string text;
  // Ask for one resident version (0: whatever is stable); the answer is then no evidence for or against it.
  std::optional<VersionId> pinned;
};

struct InferAnswer {
  std::string request_id;  // with the node's name before the first ':'; give it back with feedback
  VersionId version;       // the one version that computed this answer
  std::string label;
  float confidence = 0;                 // softmax of the top label
  std::vector<std::string> top_labels;  // up to 5, best first
  std::vector<float> top_scores;
  bool trial = false;  // answered by the canary arm
  double queue_ms = 0, compute_ms = 0;
};

// What /v2/models shows.
struct EngineStatus {
  VersionId stable, candidate;
  uint32_t candidate_permille = 0;
  uint64_t requests = 0, failures = 0, swaps = 0;
  std::vector<std::string> labels;  // of the stable version
};

// Serves resident versions: slots, request handles, micro-batches, canary routing. A request pins its version at
// admission; a batch never mixes versions. Thread-safe.
class Engine : public updater::UpdateSink, public updater::Evidence, public updater::FeedbackSink {
 public:
  static Result<std::unique_ptr<Engine>> Start(EngineOptions options, const Clock& clock);
  // Blocks until answered or until the deadline. Bad input: kInvalidArgument; no version yet: kUnavailable.
  virtual Result<InferAnswer> Infer(InferRequest request) = 0;
  // Several samples of one client, all answered by one and the same version. At most 64.
  virtual Result<std::vector<InferAnswer>> InferAll(std::vector<InferRequest> requests) = 0;
  virtual EngineStatus GetStatus() const = 0;
  // Prometheus text of all serving metrics.
  virtual std::string MetricsText() const = 0;
};

}  // namespace perennial::serving
