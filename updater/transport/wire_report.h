#pragma once

#include "storage/base/bytes.h"
#include "updater/transport/wire.h"

namespace perennial::transport {

// The one message with nested parts; used by wire.cc only.
void EncodeReport(ByteWriter& out, const Report& report);
Report DecodeReport(ByteReader& in);

}  // namespace perennial::transport
