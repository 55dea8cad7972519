#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/clock.h"
#include "storage/base/ids.h"
#include "storage/base/status.h"
#include "storage/versions/version_store.h"
#include "updater/evidence.h"

namespace perennial::updater {

// What nodes should run now; goes out signed in every HEAD. Value type.
struct RolloutState {
  uint64_t epoch = 0;     // grows with every start of the hub; fences an older twin
  uint64_t revision = 0;  // grows with every change within the epoch
  VersionId stable;       // 0: nothing published yet
  VersionId candidate;    // 0: no trial
  uint32_t weight_permille = 0;
  bool paused = false;  // the trial holds: no verdict is drawn

  friend bool operator==(const RolloutState&, const RolloutState&) = default;
};

struct CanaryOptions {
  uint32_t weight_permille = 50;
  uint64_t min_requests = 50;  // of the candidate, before it may be promoted
  uint64_t min_feedback = 0;   // labelled answers of the candidate before it may be promoted (0: feedback is optional)
  uint64_t guard_requests = 20;  // of the candidate, before error rate or accuracy may roll it back (NaN needs none)
  double max_error_rate_increase = 0.02;  // over the stable arm's
  double max_accuracy_drop = 0.10;  // under the stable arm's, both from feedback, with the 95 % bound on the difference
  Duration deadline =
      std::chrono::minutes(30);  // then the verdict is Inconclusive: the trial is rolled back, never promoted
  Status Validate() const;
};

enum class Verdict : uint8_t { kContinue, kPromote, kRollBack };
struct Decision {
  Verdict verdict = Verdict::kContinue;
  std::string reason;  // in words, with the numbers
};
// Pure: what the evidence (summed over nodes) says. Hard guards first, then minimum evidence.
Decision Decide(const ArmCounts& stable, const ArmCounts& candidate, Duration trial_age, const CanaryOptions& options);

// Draws verdicts and carries them out: owns RolloutState, persists it in the version store's slot "rollout" before
// anyone hears of it. Thread-safe; OnEvidence and the verbs may come from any thread. Listener is called outside the
// lock after each durable change.
class RolloutController {
 public:
  using Listener = std::function<void(const RolloutState&)>;
  static Result<std::unique_ptr<RolloutController>> Open(versions::VersionStore& store, CanaryOptions options,
                                                         const Clock& clock, Listener listener);
  virtual ~RolloutController() = default;

  virtual RolloutState State() const = 0;
  virtual bool TrialRunning() const = 0;
  // Starts the trial of a published version; the first version ever becomes stable at once. kFailedPrecondition while a
  // trial runs.
  virtual Status Start(VersionId version) = 0;
  // Latest counts of one node; sums over nodes decide. Counts of other versions than the two arms are ignored.
  virtual void OnEvidence(const std::string& node, const std::vector<ArmCounts>& counts) = 0;
  // A node will not serve the candidate (its warm-up failed, it gave NaN there, it crashed the process twice): a hard
  // guard, the trial is rolled back. Ignored for other versions than the candidate. `why` is the node's own text: it is
  // cut, and made plain, before anyone sees it.
  virtual void OnRefused(const std::string& node, VersionId version, std::string_view why) = 0;
  // Checks deadline and evidence; called about ten times a second by the update server's thread.
  virtual void Tick() = 0;
  virtual Status Promote(std::string_view why) = 0;  // the candidate, now
  virtual Status Abort(std::string_view why) = 0;    // the candidate, back to stable
  virtual Status Pause(bool paused) = 0;
  virtual Status SetWeight(uint32_t permille) = 0;
  // kind: "stable" (first version), "trial_started", "promoted", "rolled_back", "paused", "resumed", "weight".
  struct Event {
    int64_t time_us = 0;
    std::string kind;
    VersionId version;
    std::string reason;
    friend bool operator==(const Event&, const Event&) = default;
  };
  // Verdicts and verbs, oldest first, bounded.
  virtual std::vector<Event> History() const = 0;
};

}  // namespace perennial::updater
