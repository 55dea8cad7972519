#include <nlohmann/json.hpp>
#include <ostream>

#include "api/cli/answer.h"
#include "api/cli/commands.h"
#include "api/cli/hub.h"
#include "api/cli/table.h"
#include "storage/sources/text_time.h"

namespace perennial::cli {
namespace {

std::string ListPath(uint64_t after, uint64_t limit) {
  return "/api/v1/quarantine?after=" + std::to_string(after) + "&limit=" + std::to_string(limit);
}

// Every id now in quarantine, page by page.
Result<std::vector<uint64_t>> AllIds(Hub& hub) {
  std::vector<uint64_t> ids;
  uint64_t after = 0;
  while (true) {
    PERENNIAL_ASSIGN_OR_RETURN(const std::string body, hub.Get(ListPath(after, 1000)));
    PERENNIAL_ASSIGN_OR_RETURN(const Answer answer, Answer::Parse(body));
    const auto entries = answer["entries"].Items();
    for (const Answer& entry : entries) ids.push_back(entry["id"].Unsigned());
    if (entries.empty() || answer["next_after"].IsNull() || ids.back() <= after) return ids;
    after = ids.back();
  }
}

}  // namespace

int RunQuarantineList(Context& context, uint64_t after, uint64_t limit) {
  auto hub = Hub::Connect(context);
  if (!hub.ok()) return Fail(context, hub.status());
  const auto body = (*hub)->Get(ListPath(after, limit));
  if (!body.ok()) return Fail(context, body.status());
  if (context.json) return PrintJson(context, *body);
  const auto answer = Answer::Parse(*body);
  if (!answer.ok()) return Fail(context, answer.status());
  Table table({">id", "time", "code", "where", "source", "sample", "message", "hint"});
  for (const Answer& entry : (*answer)["entries"].Items()) {
    const std::string time = sources::FormatTime(static_cast<int64_t>(entry["time_us"].Unsigned()));
    table.Add({entry["id"].Text(), time.substr(0, 19) + "Z", entry["code"].Text(), entry["pointer"].Text(),
               entry["sample"]["source"].Text(), entry["sample"]["id"].Text(), entry["message"].Text(),
               entry["hint"].Text()});
  }
  table.Print(context.out);
  if (const Answer next = (*answer)["next_after"]; !next.IsNull()) {
    context.err << "more: perennial quarantine list --after " << next.Text() << '\n';
  }
  return kExitOk;
}

int RunQuarantineDrop(Context& context, const std::vector<uint64_t>& ids, bool all) {
  if (ids.empty() == !all) return FailUsage(context, InvalidArgument("name the ids to drop, or --all"));
  auto hub = Hub::Connect(context);
  if (!hub.ok()) return Fail(context, hub.status());
  std::vector<uint64_t> drop = ids;
  if (all) {
    auto found = AllIds(**hub);
    if (!found.ok()) return Fail(context, found.status());
    drop = std::move(*found);
    if (!drop.empty() && !context.confirm("Forget " + std::to_string(drop.size()) + " refused samples for good?")) {
      return Fail(context, Cancelled("nothing dropped"));
    }
  }
  for (const uint64_t id : drop) {
    const auto reply = (*hub)->Delete("/api/v1/quarantine/" + std::to_string(id));
    if (!reply.ok()) return Fail(context, reply.status().WithContext("drop " + std::to_string(id)));
  }
  if (context.json) return PrintJson(context, nlohmann::json{{"dropped", drop.size()}}.dump());
  context.out << "dropped " << drop.size() << '\n';
  return kExitOk;
}

}  // namespace perennial::cli
