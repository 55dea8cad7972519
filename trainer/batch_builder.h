#pragma once

#include <memory>
#include <vector>

#include "replay/example.h"
#include "storage/base/status.h"
#include "storage/format/model_spec.h"
#include "trainer/label_set.h"
#include "trainer/online_trainer.h"
#include "trainer/prefetcher.h"
#include "trainer/strategy.h"

namespace perennial::trainer {

using ReplayDraw = std::vector<replay::Drawn>;

// Turns samples into one step's tensors: augmentation of replayed pictures, CutMix, modality dropout, packing.
// Everything random is keyed by (seed, offset, step). Owned by the trainer; thread-compatible.
class BatchBuilder {
 public:
  // `packed`: pictures as bytes, for a learner that unpacks them on its device.
  BatchBuilder(format::ModelSpec spec, AugmentOptions augment, uint64_t seed, bool packed = false)
      : spec_(std::move(spec)), augment_(augment), seed_(seed), packed_(packed) {}

  // `again`: the new samples were stepped on before, so their pictures are augmented anew, as replayed ones are; in
  // their first step they are as the prefetcher augmented them. On the CPU. REQUIRES every label is in `labels`.
  Result<StepBatch> Build(const std::vector<Prepared>& fresh, const ReplayDraw& replayed, const LabelSet& labels,
                          uint64_t step, bool again = false) const;

 private:
  struct Row;
  std::vector<Row> Rows(const std::vector<Prepared>& fresh, const ReplayDraw& replayed, uint64_t step,
                        bool again) const;
  Row AugmentedRow(const replay::Example& example, Offset offset, uint64_t step) const;
  // Pastes a rectangle of another picture into some rows without text; true when any was.
  bool MixPictures(std::vector<Row>& rows, uint64_t step) const;
  void DropModalities(std::vector<Row>& rows, uint64_t step) const;

  const format::ModelSpec spec_;
  const AugmentOptions augment_;
  const uint64_t seed_;
  const bool packed_;
};

}  // namespace perennial::trainer
