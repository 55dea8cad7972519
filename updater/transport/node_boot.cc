#include "storage/base/log.h"
#include "updater/transport/node_driver.h"

namespace perennial::transport {

Status NodeDriver::Boot() {
  PERENNIAL_RETURN_IF_ERROR(slots_.BeginBoot());
  while (slots_.stable().has_value()) {
    const SlotEntry entry = *slots_.stable();
    Status up = [&]() -> Status {
      PERENNIAL_ASSIGN_OR_RETURN(ImagePtr image, keeper_.Load(entry));
      PERENNIAL_RETURN_IF_ERROR(sink_.Stage({entry.version, entry.root, std::move(image)}));
      return sink_.Confirm(entry.version);
    }();
    if (up.ok()) {
      log::Info("update.booted", {{"version", entry.version.value}});
      break;
    }
    vitals_.SetError(up.WithContext("boot version " + entry.version.ToString()).ToString());
    log::Error("update.boot_failed", {{"version", entry.version.value}, {"error", up.ToString()}});
    // The last good one, then nothing: the hub sends what is stable now.
    PERENNIAL_RETURN_IF_ERROR(slots_.FallBack());
  }
  ShowVersions();
  return slots_.EndBoot();
}

}  // namespace perennial::transport
