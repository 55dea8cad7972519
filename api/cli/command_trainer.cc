#include <ostream>

#include "api/cli/commands.h"
#include "api/cli/hub.h"

namespace perennial::cli {

int RunTrainer(Context& context, const std::string& action) {
  auto hub = Hub::Connect(context);
  if (!hub.ok()) return Fail(context, hub.status());
  const auto reply = (*hub)->Post("/api/v1/trainer/" + action, "{}");
  if (!reply.ok()) return Fail(context, reply.status());
  if (context.json) return PrintJson(context, reply->empty() ? "{}" : *reply);
  context.out << "trainer: " << action << " done\n";
  return kExitOk;
}

}  // namespace perennial::cli
