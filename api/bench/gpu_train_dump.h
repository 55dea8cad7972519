#pragma once

#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "storage/base/status.h"
#include "trainer/online_trainer.h"
#include "trainer/strategy.h"

namespace perennial::bench {

// Writes what another program needs to train on the very same batches from the very same weights
// (scripts/gpu_reference.py): files in one folder, described in gpu_train_dump.md. On the trainer's thread.
class BatchDump {
 public:
  static Result<std::unique_ptr<BatchDump>> Open(std::string folder, uint64_t steps);

  // The weights that a trainer with these options starts from, once it has seen `labels` labels.
  Status WriteWeights(const trainer::TrainerOptions& options, int64_t labels) const;
  // Makes strategies that write each batch of the first steps before they go on as always.
  std::function<Result<std::unique_ptr<trainer::Strategy>>(std::string_view name)> Maker();
  void Write(uint64_t step, const trainer::StepBatch& batch);

 private:
  BatchDump(std::string folder, uint64_t steps);

  const std::string folder_;
  const uint64_t steps_;
  std::ofstream pixels_, targets_, offsets_, recent_, lines_;
};

}  // namespace perennial::bench
