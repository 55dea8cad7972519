#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "storage/base/clock.h"
#include "storage/kv/kv_store.h"
#include "storage/samples/sample_log.h"
#include "trainer/online_trainer.h"

namespace perennial::trainer::testing_support {

// A picture of one colour with a corner of another, and a question; the answer depends on both: "corner?" asks for the
// corner's colour, "field?" for the other one. `number` makes id, picture and question; each picture has a group of its
// own.
format::Sample MakeSample(uint64_t number, const std::string& slice);

// A network of a few thousand weights.
format::ModelSpec TinySpec();
// 4 new + 8 replayed a step, checkpoint every 3 steps.
TrainerOptions SmallOptions();

// For tests that count every sample.
samples::SampleLogOptions NothingHeldOut();

// Log and checkpoints in one store, as a hub has them.
class Hub {
 public:
  // In memory.
  static std::unique_ptr<Hub> InMemory(samples::SampleLogOptions options = {});
  // In a folder, on RocksDB.
  static std::unique_ptr<Hub> OnDisk(const std::string& folder, samples::SampleLogOptions options = {});

  // Appends samples `begin` to `end` of a slice.
  void Feed(uint64_t begin, uint64_t end, const std::string& slice);
  std::unique_ptr<OnlineTrainer> OpenTrainer(const TrainerOptions& options);

  kv::KvStore& store() { return *store_; }
  samples::SampleLog& log() { return *log_; }
  const Clock& clock() const { return clock_; }

 private:
  Hub() = default;
  void OpenLog(const samples::SampleLogOptions& options);
  SystemClock clock_;
  std::unique_ptr<kv::KvStore> store_;
  std::unique_ptr<samples::SampleLog> log_;
};

// Steps until the trainer has read the whole log, or `max_steps` are done. Returns the steps. REQUIRES the log ends
// with a flush entry, or `max_steps` full batches are there.
uint64_t TrainAll(OnlineTrainer& trainer, const samples::SampleLog& log, uint64_t max_steps = UINT64_MAX);

// A deadline no test should reach.
SteadyTime Soon();

}  // namespace perennial::trainer::testing_support
