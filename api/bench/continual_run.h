#pragma once

#include <cstdint>

#include "api/bench/continual_answers.h"
#include "api/bench/continual_options.h"
#include "api/bench/continual_stream.h"
#include "storage/format/model_spec.h"

namespace perennial::bench {

// The network that --network names.
Result<format::ModelSpec> NetworkOf(const ContinualOptions& options);

// One pass over the stream with a real OnlineTrainer on a log in memory; everything that was answered. Only what may be
// trained on and the gate's share is in the log: the test part the trainer never sees. REQUIRES resolved options.
Result<ContinualRecord> RunSeed(const ContinualStream& stream, const ContinualOptions& options, uint64_t seed);

}  // namespace perennial::bench
