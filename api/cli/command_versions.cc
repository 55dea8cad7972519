#include <ostream>

#include "api/cli/answer.h"
#include "api/cli/commands.h"
#include "api/cli/hub.h"
#include "api/cli/table.h"
#include "storage/sources/text_time.h"

namespace perennial::cli {
namespace {

std::string When(const Answer& micros) {
  return sources::FormatTime(static_cast<int64_t>(micros.Unsigned())).substr(0, 19) + "Z";
}

void PrintList(const Answer& answer, std::ostream& out) {
  Table table({">version", ">parent", "fate", "created", ">trained", ">snapshot", ">delta", ">of fp32", "reason"});
  for (const Answer& version : answer["versions"].Items()) {
    const double delta = version["delta_bytes"].Number(), full = version["fp32_bytes"].Number();
    const bool has_delta = delta > 0 && full > 0;
    table.Add({version["version"].Text(), version["parent"].Text(), version["fate"].Text(), When(version["created_us"]),
               version["trained_until"].Text(), HumanBytes(version["snapshot_bytes"].Unsigned()),
               has_delta ? HumanBytes(version["delta_bytes"].Unsigned()) : "-",
               has_delta ? HumanNumber(100 * delta / full, 1) + " %" : "-", version["reason"].Text()});
  }
  table.Print(out);
}

void PrintOne(const Answer& version, std::ostream& out) {
  Table facts({"field", "value"});
  for (const std::string& key : version.Keys()) {
    if (key == "objects" || key == "report") continue;
    facts.Add({key, key == "created_us" ? When(version[key]) : version[key].Text()});
  }
  facts.Print(out);
  out << '\n';
  Table objects({"object", ">base", ">bytes", ">chunks"});
  for (const Answer& object : version["objects"].Items()) {
    objects.Add({object["kind"].Text(), object["base"].Text(), object["bytes"].Text(), object["chunks"].Text()});
  }
  objects.Print(out);
  const auto slices = version["report"]["slices"].Items();
  if (slices.empty()) return;
  out << '\n';
  Table accuracy({"slice", ">samples", ">accuracy", ">balanced"});
  for (const Answer& slice : slices) {
    accuracy.Add({slice["slice"].Text(), slice["samples"].Text(), HumanNumber(slice["accuracy"].Number(), 3),
                  HumanNumber(slice["balanced_accuracy"].Number(), 3)});
  }
  accuracy.Print(out);
}

}  // namespace

int RunVersions(Context& context, std::optional<uint64_t> version, uint64_t limit) {
  auto hub = Hub::Connect(context);
  if (!hub.ok()) return Fail(context, hub.status());
  const std::string path =
      version ? "/api/v1/versions/" + std::to_string(*version) : "/api/v1/versions?limit=" + std::to_string(limit);
  const auto body = (*hub)->Get(path);
  if (!body.ok()) return Fail(context, body.status());
  if (context.json) return PrintJson(context, *body);
  const auto answer = Answer::Parse(*body);
  if (!answer.ok()) return Fail(context, answer.status());
  version ? PrintOne(*answer, context.out) : PrintList(*answer, context.out);
  return kExitOk;
}

int RunFlips(Context& context, uint64_t version) {
  auto hub = Hub::Connect(context);
  if (!hub.ok()) return Fail(context, hub.status());
  const auto body = (*hub)->Get("/api/v1/versions/" + std::to_string(version) + "/flips");
  if (!body.ok()) return Fail(context, body.status());
  if (context.json) return PrintJson(context, *body);
  const auto answer = Answer::Parse(*body);
  if (!answer.ok()) return Fail(context, answer.status());
  const Answer& flips = *answer;
  if (!flips["known"].True()) {
    context.out << "Version " << version << " has no predecessor to compare with.\n";
    return kExitOk;
  }
  context.out << "Of " << flips["compared"].Text() << " held-out samples, version " << version << " gets "
              << flips["lost"].Text() << " wrong that its predecessor had right ("
              << HumanNumber(100 * flips["negative_flip_rate"].Number(), 2) << " %), and " << flips["won"].Text()
              << " right that it had wrong.\n";
  const auto listed = flips["flips"].Items();
  if (listed.empty()) return kExitOk;
  Table table({">offset", "id", "slice", "true", "was", "is"});
  for (const Answer& flip : listed) {
    table.Add({flip["offset"].Text(), flip["id"].Text(), flip["slice"].Text(), flip["true"].Text(),
               flip["old_answer"].Text(), flip["new_answer"].Text()});
  }
  table.Print(context.out);
  if (listed.size() < flips["lost"].Unsigned()) {
    context.out << "The first " << listed.size() << " are listed.\n";
  }
  return kExitOk;
}

}  // namespace perennial::cli
