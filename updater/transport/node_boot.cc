#include "storage/base/log.h"
#include "updater/transport/node_driver.h"

namespace perennial::transport {

void NodeDriver::Boot() {
  // A disk that cannot be written (full, read-only) must not keep the node from serving what it holds.
  const auto note = [this](const Status& stored) {
    if (!stored.ok()) Fail(stored);
  };
  note(slots_.BeginBoot());
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
    Fail(up.WithContext("boot version " + entry.version.ToString()));
    // The last good one, then nothing: the hub sends what is stable now.
    note(slots_.FallBack());
  }
  ShowVersions();
  note(slots_.EndBoot());
}

}  // namespace perennial::transport
