#pragma once

#include <string>
#include <vector>

#include "storage/base/status.h"

namespace perennial::cli {

// Commands that are programs of their own: hub, edge, bench, quickstart.
bool IsSibling(const std::string& command);
// perennial-NAME in the folder of this program.
std::string SiblingPath(const std::string& name);
// Becomes perennial-NAME with `arguments`; returns only when that fails.
Status RunSibling(const std::string& name, const std::vector<std::string>& arguments);

}  // namespace perennial::cli
