#include <algorithm>
#include <nlohmann/json.hpp>
#include <ostream>

#include "api/cli/commands.h"
#include "api/cli/doctor_checks.h"
#include "api/cli/table.h"

namespace perennial::cli {
namespace {

const char* StateName(Finding::State state) {
  switch (state) {
    case Finding::State::kFine:
      return "ok";
    case Finding::State::kWarning:
      return "warning";
    case Finding::State::kBad:
      return "bad";
  }
  return "";
}

}  // namespace

int RunDoctor(Context& context, const DoctorOptions& options) {
  std::vector<Finding> findings = {
      CheckWritable(options.data),           CheckDisk(options.data), CheckMemory(), CheckCores(), CheckOpenFiles(),
      CheckClock(context.clock.WallMicros())};
  for (const int port : options.ports) {
    if (port < 1 || port > 65535) return FailUsage(context, InvalidArgument("a port is from 1 to 65535"));
    findings.push_back(CheckPort(port));
  }
  for (const char* name : {"hub", "edge", "bench", "quickstart"}) findings.push_back(CheckSibling(name));
  const bool bad =
      std::any_of(findings.begin(), findings.end(), [](const Finding& f) { return f.state == Finding::State::kBad; });
  if (context.json) {
    nlohmann::ordered_json json = {{"ok", !bad}, {"checks", nlohmann::ordered_json::array()}};
    for (const Finding& finding : findings) {
      json["checks"].push_back({{"check", finding.check},
                                {"state", StateName(finding.state)},
                                {"detail", finding.detail},
                                {"hint", finding.hint}});
    }
    PrintJson(context, json.dump());
  } else {
    Table table({"check", "state", "found", "to mend it"});
    for (const Finding& finding : findings)
      table.Add({finding.check, StateName(finding.state), finding.detail, finding.hint});
    table.Print(context.out);
  }
  return bad ? kExitFailed : kExitOk;
}

}  // namespace perennial::cli
