#include "api/process/ready_line.h"

#include <chrono>
#include <nlohmann/json.hpp>

namespace perennial::process {

Result<ReadyLine> ReadReadyLine(ChildProcess& child) {
  PERENNIAL_ASSIGN_OR_RETURN(const std::string line, child.ReadLine(std::chrono::seconds(60)));
  const auto ready = nlohmann::json::parse(line, nullptr, false);
  if (!ready.is_object() || ready.value("event", "") != "ready" || !ready.contains("http")) {
    return Internal("not a ready line: " + line);
  }
  return ReadyLine{"http://" + ready.value("http", ""), ready.value("announce", ""), ready.value("bulk", "")};
}

}  // namespace perennial::process
