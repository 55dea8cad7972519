#include <algorithm>
#include <ostream>

#include "api/cli/answer.h"
#include "api/cli/commands.h"
#include "api/cli/hub.h"
#include "api/cli/table.h"

namespace perennial::cli {

int RunNodes(Context& context) {
  auto hub = Hub::Connect(context);
  if (!hub.ok()) return Fail(context, hub.status());
  const auto body = (*hub)->Get("/api/v1/nodes");
  if (!body.ok()) return Fail(context, body.status());
  if (context.json) return PrintJson(context, *body);
  const auto answer = Answer::Parse(*body);
  if (!answer.ok()) return Fail(context, answer.status());
  Table table({"node", "state", "connected", ">stable", ">candidate", ">swaps", ">downloaded", ">seen", "address",
               "last error"});
  for (const Answer& node : (*answer)["nodes"].Items()) {
    const auto seen = static_cast<int64_t>(node["last_seen_us"].Unsigned());
    const double ago = static_cast<double>(context.clock.WallMicros() - seen) / 1e6;
    table.Add({node["name"].Text(), node["state"].Text(), node["connected"].True() ? "yes" : "no",
               node["stable"].Text(), node["candidate"].Text(), node["swaps"].Text(),
               HumanBytes(node["bytes_downloaded"].Unsigned()), seen == 0 ? "never" : HumanSeconds(ago) + " ago",
               node["http_address"].Text(), node["last_error"].Text()});
  }
  table.Print(context.out);
  return kExitOk;
}

}  // namespace perennial::cli
