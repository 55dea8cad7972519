#include "api/quickstart/options.h"

namespace perennial::quickstart {

Profile ProfileFor(const Options& options) {
  Profile profile;
  if (options.smoke) {
    profile.schedule = "base,new-defect,new-question";
    profile.train_per_slice = 800;
    profile.test_per_slice = 100;
    profile.publish_every = 150;
    profile.evaluate_per_slice = 100;
    profile.backlog = 200;
    profile.requests_per_s = 50;
    profile.canary_min_requests = 8;
    profile.canary_guard_requests = 6;
    profile.canary_min_feedback = 3;
    profile.deadline = std::chrono::minutes(5);
  } else if (!options.data.empty()) {
    profile.publish_every = 1500;
    profile.backlog = 600;
  }
  if (!options.spec.empty()) profile.spec = options.spec;
  return profile;
}

}  // namespace perennial::quickstart
