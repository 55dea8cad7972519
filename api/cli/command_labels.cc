#include <nlohmann/json.hpp>
#include <ostream>

#include "api/cli/commands.h"
#include "api/cli/hub.h"

namespace perennial::cli {
namespace {

int Tell(Context& context, const std::string& path, const nlohmann::json& body, const std::string& done) {
  auto hub = Hub::Connect(context);
  if (!hub.ok()) return Fail(context, hub.status());
  const auto reply = (*hub)->Post(path, body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  if (!reply.ok()) return Fail(context, reply.status());
  if (context.json) return PrintJson(context, reply->empty() ? "{}" : *reply);
  context.out << done << '\n';
  return kExitOk;
}

}  // namespace

int RunFeedback(Context& context, const std::string& request_id, const std::string& label) {
  return Tell(context, "/api/v1/feedback", {{"request_id", request_id}, {"label", label}}, "told the node");
}

int RunLabel(Context& context, const std::string& source, const std::string& id, const std::string& label) {
  return Tell(context, "/api/v1/samples/label", {{"source", source}, {"id", id}, {"label", label}}, "labelled");
}

}  // namespace perennial::cli
