#include <ostream>

#include "api/cli/answer.h"
#include "api/cli/commands.h"
#include "api/cli/hub.h"
#include "api/cli/table.h"

namespace perennial::cli {
namespace {

std::string SliceText(const Answer& evaluation) {
  std::string text;
  for (const Answer& slice : evaluation["slices"].Items()) {
    if (!text.empty()) text += "  ";
    text += slice["slice"].Text() + " " + HumanNumber(slice["accuracy"].Number(), 3);
  }
  return text;
}

}  // namespace

int RunEvaluations(Context& context, uint64_t limit) {
  auto hub = Hub::Connect(context);
  if (!hub.ok()) return Fail(context, hub.status());
  const auto body = (*hub)->Get("/api/v1/evaluations?limit=" + std::to_string(limit));
  if (!body.ok()) return Fail(context, body.status());
  if (context.json) return PrintJson(context, *body);
  const auto answer = Answer::Parse(*body);
  if (!answer.ok()) return Fail(context, answer.status());
  Table table({"trainer", ">steps", ">trained", ">version", "gate", ">accuracy", ">balanced", ">forgetting",
               ">transfer", "slices"});
  const Answer trainers = (*answer)["trainers"];
  for (const std::string& name : trainers.Keys()) {
    for (const Answer& one : trainers[name].Items()) {
      const std::string reason = one["reason"].Text();
      table.Add({name, one["steps"].Text(), one["trained_until"].Text(),
                 one["version"].Unsigned() == 0 ? "-" : one["version"].Text(),
                 one["accepted"].True() ? "passed"
                 : reason.empty()       ? "refused"
                                        : "refused: " + reason,
                 HumanNumber(one["average_accuracy"].Number(), 3),
                 HumanNumber(one["average_balanced_accuracy"].Number(), 3), HumanNumber(one["forgetting"].Number(), 3),
                 HumanNumber(one["backward_transfer"].Number(), 3), SliceText(one)});
    }
  }
  table.Print(context.out);
  return kExitOk;
}

}  // namespace perennial::cli
