#include <ostream>

#include "api/cli/answer.h"
#include "api/cli/commands.h"
#include "api/cli/hub.h"
#include "api/cli/table.h"

namespace perennial::cli {
namespace {

// "0.912 / 0.874": the main trainer's, then the shadow's.
std::string Both(const Answer& one, const char* figure) {
  return HumanNumber(one["main_figures"][figure].Number(), 3) + " / " +
         HumanNumber(one["shadow_figures"][figure].Number(), 3);
}

}  // namespace

int RunCompare(Context& context) {
  auto hub = Hub::Connect(context);
  if (!hub.ok()) return Fail(context, hub.status());
  const auto body = (*hub)->Get("/api/v1/comparison");
  if (!body.ok()) return Fail(context, body.status());
  if (context.json) return PrintJson(context, *body);
  const auto answer = Answer::Parse(*body);
  if (!answer.ok()) return Fail(context, answer.status());
  const std::vector<Answer> shadows = (*answer)["shadows"].Items();
  if (shadows.empty()) {
    context.out << "The hub trains no other method beside: start it with --shadow naive,er,retrain\n";
    return kExitOk;
  }
  Table table(
      {"main / shadow", ">read until", ">accuracy", ">worst slice", ">forgetting", ">gain", ">compute", ">behind"});
  for (const Answer& one : shadows) {
    const bool known = !one["gain"].IsNull();
    const std::string compute =
        HumanSeconds((*answer)["main"]["compute_s"].Number()) + " / " + HumanSeconds(one["compute_s"].Number());
    table.Add({one["shadow"].Text(), known ? one["trained_until"].Text() : "-",
               known ? Both(one, "average_accuracy") : "-", known ? Both(one, "worst_slice_accuracy") : "-",
               known ? Both(one, "forgetting") : "-", known ? HumanNumber(one["gain"].Number(), 3) : "-", compute,
               one["backlog"].Text()});
  }
  table.Print(context.out);
  return kExitOk;
}

}  // namespace perennial::cli
