#pragma once

#include "updater/codec.h"

// Every codec of this build; a new one gets a file pair's worth of code, a line here and a line in FindCodec.
namespace perennial::updater {

const Codec& SnapshotZstd();
const Codec& DeltaRange();

}  // namespace perennial::updater
