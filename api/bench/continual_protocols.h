#pragma once

#include <utility>
#include <vector>

#include "api/bench/continual_stream.h"
#include "storage/base/rng.h"

// How a stream is put together before the gate's share, the blur and wrong labels. Private to continual_stream.cc.
namespace perennial::bench {

template <typename T>
void Shuffle(std::vector<T>& items, Rng& rng) {
  for (size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[rng.Below(i)]);
}

// Fill slices, parts and tests (and tasks) of an empty stream.
void SplitByClass(const DataSplit& split, uint64_t classes_per_task, ContinualStream& stream);
Status SplitBySlice(const DataSplit& split, ContinualStream& stream);
Status RepeatInTasks(const DataSplit& split, const ContinualOptions& options, int side, Rng& rng,
                     ContinualStream& stream);

// Change a stream of clear parts.
void MakeLongTail(Rng& rng, ContinualStream& stream);
void Blur(double share, Rng& rng, ContinualStream& stream);
void MixAll(ContinualStream& stream);

// Sends `share` of the samples again, by the source "poison" and with the label of the next class, anywhere in the
// sample's part.
Status AddPoison(double share, Rng& rng, ContinualStream& stream);
// Each sample of "source 1" comes `times` times, in a row.
void RepeatLoudest(uint64_t times, ContinualStream& stream);

// Gives `share` of the items in [from, to) of the whole stream a wrong label.
Status MislabelShare(double share, uint64_t from, uint64_t to, Rng& rng, ContinualStream& stream);

}  // namespace perennial::bench
