#include <ostream>

#include "api/cli/answer.h"
#include "api/cli/commands.h"
#include "api/cli/hub.h"
#include "api/cli/table.h"

namespace perennial::cli {
namespace {

void AddTrainer(Table& table, const std::string& name, const Answer& trainer) {
  const std::string error = trainer["error"].Text();
  table.Add({name, trainer["state"].Text() + (error.empty() ? "" : " (" + error + ")"), trainer["steps"].Text(),
             trainer["samples_trained"].Text(), trainer["backlog"].Text(),
             HumanNumber(trainer["samples_per_s"].Number(), 0), HumanNumber(trainer["loss"].Number(), 3),
             trainer["labels"].Text(), trainer["replay_size"].Text()});
}

void PrintStatus(const Answer& status, std::ostream& out) {
  const Answer log = status["log"], rollout = status["rollout"];
  out << status["software"].Text() << ", up " << HumanSeconds(status["uptime_s"].Number()) << ", "
      << status["nodes"].Text() << " nodes\n";
  out << "samples  " << log["accepted"].Text() << " accepted, " << log["duplicates"].Text() << " duplicates, "
      << log["quarantined"].Text() << " quarantined, " << log["waiting_for_label"].Text() << " waiting for a label, "
      << log["held_out"].Text() << " held out, " << log["trainable"].Text() << " trainable\n";
  const bool trial = rollout["candidate"].Unsigned() != 0;
  out << "rollout  stable " << rollout["stable"].Text();
  if (trial) {
    out << ", candidate " << rollout["candidate"].Text() << " on "
        << HumanNumber(rollout["weight_permille"].Number() / 10, 1) << " % of the requests";
  }
  out << (rollout["paused"].True() ? " (paused)" : "") << "\n\n";
  Table table({"trainer", "state", ">steps", ">trained", ">backlog", ">samples/s", ">loss", ">labels", ">replay"});
  AddTrainer(table, "main", status["trainer"]);
  const Answer shadow = status["shadow"];
  for (const std::string& name : shadow.Keys()) AddTrainer(table, name, shadow[name]);
  table.Print(out);
}

}  // namespace

int RunStatus(Context& context) {
  auto hub = Hub::Connect(context);
  if (!hub.ok()) return Fail(context, hub.status());
  const auto body = (*hub)->Get("/api/v1/status");
  if (!body.ok()) return Fail(context, body.status());
  if (context.json) return PrintJson(context, *body);
  const auto answer = Answer::Parse(*body);
  if (!answer.ok()) return Fail(context, answer.status());
  PrintStatus(*answer, context.out);
  return kExitOk;
}

}  // namespace perennial::cli
