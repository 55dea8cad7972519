#include "api/cli/verbs.h"

#include <algorithm>

#include "storage/base/config.h"

namespace perennial::cli {

const std::vector<std::string>& Verbs() {
  static const std::vector<std::string> verbs = {
      "quickstart", "feed",     "generate", "status",  "versions", "evaluations", "compare",    "nodes",
      "promote",    "abort",    "rollback", "rollout", "pause",    "resume",      "checkpoint", "publish",
      "quarantine", "source",   "feedback", "label",   "keys",     "doctor",      "hub",        "edge",
      "bench"};
  return verbs;
}

Status CheckVerb(const std::string& word) {
  const auto& verbs = Verbs();
  if (std::find(verbs.begin(), verbs.end(), word) != verbs.end()) return Status::Ok();
  const std::string closest = ClosestWord(word, verbs);
  return InvalidArgument("unknown command '" + word + "'",
                         closest.empty() ? "see: perennial --help" : "did you mean: perennial " + closest);
}

}  // namespace perennial::cli
