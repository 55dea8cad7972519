#include <nlohmann/json.hpp>
#include <ostream>

#include "api/cli/answer.h"
#include "api/cli/commands.h"
#include "api/cli/hub.h"
#include "api/cli/table.h"

namespace perennial::cli {
namespace {

// One segment of a path or a value of a query.
std::string PercentEncode(std::string_view text) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (kPlain.find(c) != std::string_view::npos) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

std::string PathOf(const std::string& source, const char* verb) {
  return "/api/v1/sources/" + PercentEncode(source) + "/" + verb;
}

// "live", "erasing", "forgotten", with what was sent since.
std::string StateOf(const Answer& source) {
  std::string state = "live";
  if (!source["forgotten_at"].IsNull()) state = source["erasing"].True() ? "erasing" : "forgotten";
  return state + (source["blocked"].True() ? ", blocked" : "");
}

std::string Joined(const std::vector<Answer>& items) {
  std::string text;
  for (const Answer& item : items) text += (text.empty() ? "" : " ") + item.Text();
  return text;
}

int PrintReport(Context& context, const std::string& body) {
  if (context.json) return PrintJson(context, body);
  const auto answer = Answer::Parse(body);
  if (!answer.ok()) return Fail(context, answer.status());
  const Answer source = (*answer)["source"];
  context.out << source["forgotten"].Text() << " samples of '" << source["source"].Text()
              << "' are forgotten (log entry " << source["forgotten_at"].Text() << "), "
              << (source["erasing"].True() ? "and wait to be erased from the disk" : "and erased from the disk");
  if (const auto waiting = (*answer)["waiting_for"].Items(); !waiting.empty()) {
    context.out << "; waiting for: " << Joined(waiting);
  }
  context.out << '\n';
  Table table({">version", "fate", "live", ">in network", ">in head", ">first", ">last", "nodes"});
  for (const Answer& version : (*answer)["versions"].Items()) {
    table.Add({version["version"].Text(), version["fate"].Text(), version["live"].True() ? "yes" : "no",
               version["network_samples"].Text(), version["head_samples"].Text(), version["first_offset"].Text(),
               version["last_offset"].Text(), Joined(version["nodes"].Items())});
  }
  if (!table.empty()) table.Print(context.out);
  context.out << (*answer)["networks_hold"].Text() << '\n';
  for (const Answer& step : (*answer)["next"].Items()) context.out << "- " << step.Text() << '\n';
  return kExitOk;
}

}  // namespace

int RunSourceList(Context& context, const std::string& after, uint64_t limit) {
  auto hub = Hub::Connect(context);
  if (!hub.ok()) return Fail(context, hub.status());
  const std::string behind = after.empty() ? "" : "&after=" + PercentEncode(after);
  const auto body = (*hub)->Get("/api/v1/sources?limit=" + std::to_string(limit) + behind);
  if (!body.ok()) return Fail(context, body.status());
  if (context.json) return PrintJson(context, *body);
  const auto answer = Answer::Parse(*body);
  if (!answer.ok()) return Fail(context, answer.status());
  Table table({"source", ">samples", ">to train", ">held out", ">waiting", ">forgotten", "state"});
  for (const Answer& source : (*answer)["sources"].Items()) {
    table.Add({source["source"].Text(), source["samples"].Text(), source["trainable"].Text(), source["held_out"].Text(),
               source["waiting_for_label"].Text(), source["forgotten"].Text(), StateOf(source)});
  }
  table.Print(context.out);
  if (const Answer next = (*answer)["next_after"]; !next.IsNull()) {
    context.err << "more: perennial source list --after '" << next.Text() << "'\n";
  }
  return kExitOk;
}

int RunSourceForget(Context& context, const std::string& source, bool block) {
  if (!context.confirm("Forget all samples of '" + source + "' for good?")) {
    return Fail(context, Cancelled("nothing forgotten"));
  }
  auto hub = Hub::Connect(context);
  if (!hub.ok()) return Fail(context, hub.status());
  const auto body = (*hub)->Post(PathOf(source, "forget"), nlohmann::json{{"block", block}}.dump());
  if (!body.ok()) return Fail(context, body.status());
  return PrintReport(context, *body);
}

int RunSourceShow(Context& context, const std::string& source) {
  auto hub = Hub::Connect(context);
  if (!hub.ok()) return Fail(context, hub.status());
  const auto body = (*hub)->Get(PathOf(source, "forgotten"));
  if (!body.ok()) return Fail(context, body.status());
  return PrintReport(context, *body);
}

int RunSourceUnblock(Context& context, const std::string& source) {
  auto hub = Hub::Connect(context);
  if (!hub.ok()) return Fail(context, hub.status());
  const auto body = (*hub)->Post(PathOf(source, "unblock"), "{}");
  if (!body.ok()) return Fail(context, body.status());
  if (context.json) return PrintJson(context, *body);
  context.out << "samples of '" << source << "' are accepted\n";
  return kExitOk;
}

}  // namespace perennial::cli
