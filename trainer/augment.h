#pragma once

#include "storage/base/ids.h"
#include "storage/base/rng.h"
#include "storage/media/image.h"
#include "trainer/online_trainer.h"

namespace perennial::trainer {

// True when some picture of its own may change (CutMix, which needs a second one, is apart).
bool ChangesPictures(const AugmentOptions& options);

// Mirror and flip, shift, rotation with scale and shear, illumination, noise and occlusion, in that order, on 8-bit
// pixels. A function of the picture, the options and `rng` only; what is off draws nothing.
void Augment(media::Image& image, const AugmentOptions& options, Rng& rng);

// The random streams of a sample. A new sample is augmented ahead of its step, keyed by (seed, offset); whatever is
// drawn anew each time it is trained on (a replayed sample's augmentation, modality dropout, CutMix) also by step.
// Never by timing.
Rng StreamOf(uint64_t seed, Offset offset);
Rng StreamOf(uint64_t seed, Offset offset, uint64_t step, uint64_t purpose);

}  // namespace perennial::trainer
