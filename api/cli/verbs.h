#pragma once

#include <string>
#include <vector>

#include "storage/base/status.h"

namespace perennial::cli {

// Every command of the program, in the order of its help.
const std::vector<std::string>& Verbs();
// kInvalidArgument with the closest command as the hint when `word` is none.
Status CheckVerb(const std::string& word);

}  // namespace perennial::cli
