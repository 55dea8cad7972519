#pragma once

#include <memory>
#include <string>

#include "storage/base/status.h"
#include "updater/trust/keyring.h"

namespace perennial::hub {

// The keyring in `folder`. With `init` new keys are made when there are none: in a folder beside it that is renamed
// when complete, so that a crash leaves all keys or none.
Result<std::unique_ptr<trust::HubKeyring>> OpenKeys(const std::string& folder, bool init);

}  // namespace perennial::hub
