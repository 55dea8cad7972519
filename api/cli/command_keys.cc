#include <nlohmann/json.hpp>
#include <ostream>

#include "api/cli/commands.h"
#include "updater/trust/keyring.h"

namespace perennial::cli {
namespace {

int Done(Context& context, const Status& status, const nlohmann::ordered_json& json, const std::string& text) {
  if (!status.ok()) return Fail(context, status);
  if (context.json) return PrintJson(context, json.dump());
  context.out << text << '\n';
  return kExitOk;
}

}  // namespace

int RunKeysInit(Context& context, const std::string& folder) {
  return Done(context, trust::HubKeyring::Init(folder), {{"folder", folder}},
              "new keys in " + folder + "\n  next: perennial keys add-node " + folder + " NODE --bundle FOLDER");
}

int RunKeysAddNode(Context& context, const std::string& folder, const std::string& name, const std::string& bundle) {
  return Done(context, trust::HubKeyring::AddNode(folder, name, bundle), {{"node", name}, {"bundle", bundle}},
              "node " + name + " is allowed; take " + bundle + " to it and keep it secret");
}

int RunKeysRevoke(Context& context, const std::string& folder, const std::string& name) {
  return Done(context, trust::HubKeyring::RevokeNode(folder, name), {{"node", name}, {"revoked", true}},
              "node " + name + " is no longer allowed");
}

}  // namespace perennial::cli
