#include <nlohmann/json.hpp>
#include <ostream>

#include "api/cli/answer.h"
#include "api/cli/commands.h"
#include "api/cli/hub.h"

namespace perennial::cli {
namespace {

using nlohmann::json;

// Posts and says in a line what the rollout is now.
int Change(Context& context, const std::string& path, const json& body) {
  auto hub = Hub::Connect(context);
  if (!hub.ok()) return Fail(context, hub.status());
  const auto reply = (*hub)->Post(path, body.dump());
  if (!reply.ok()) return Fail(context, reply.status());
  if (context.json) return PrintJson(context, *reply);
  const auto answer = Answer::Parse(*reply);
  if (!answer.ok()) return Fail(context, answer.status());
  const bool nested = !(*answer)["rollout"].IsNull();
  const Answer rollout = nested ? (*answer)["rollout"] : *answer;
  if (nested) context.out << "released version " << (*answer)["version"].Text() << '\n';
  context.out << "stable " << rollout["stable"].Text();
  if (rollout["candidate"].Unsigned() != 0) {
    context.out << ", candidate " << rollout["candidate"].Text() << " at " << rollout["weight_permille"].Text()
                << " permille";
  }
  context.out << (rollout["paused"].True() ? " (paused)" : "") << '\n';
  return kExitOk;
}

}  // namespace

int RunPromote(Context& context, const std::string& why) {
  return Change(context, "/api/v1/rollout/promote", {{"why", why}});
}

int RunAbort(Context& context, const std::string& why) {
  return Change(context, "/api/v1/rollout/abort", {{"why", why}});
}

int RunRollback(Context& context, uint64_t to, const std::string& why) {
  if (!context.confirm("Make the content of version " + std::to_string(to) + " stable on every node?")) {
    return Fail(context, Cancelled("not rolled back"));
  }
  return Change(context, "/api/v1/rollback", {{"to", to}, {"why", why}});
}

int RunRolloutPause(Context& context, bool paused) {
  return Change(context, "/api/v1/rollout/pause", {{"paused", paused}});
}

int RunRolloutWeight(Context& context, uint64_t permille) {
  if (permille > 1000) return FailUsage(context, InvalidArgument("the weight is beyond 1000 permille"));
  return Change(context, "/api/v1/rollout/weight", {{"permille", permille}});
}

}  // namespace perennial::cli
