#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/ids.h"
#include "storage/base/rng.h"
#include "storage/base/status.h"
#include "storage/kv/kv_store.h"
#include "trainer/batch_assembler.h"
#include "trainer/learner.h"
#include "trainer/published_record.h"

namespace perennial::trainer {

// Everything a trainer needs to go on as if it had never stopped, but for the replay memory, which adds its own changes
// to the same batch. Format in trainer/checkpoint.md. Value type.
struct Checkpoint {
  std::string spec_json;
  std::string strategy;
  std::string strategy_state;
  std::string optimiser;  // whose moments the learner's are
  ReadPosition position;
  ReadPosition instant_since;  // the instant head has seen what was trained on from here on
  bool forget_owed = false;    // what is published still holds something that was forgotten
  uint64_t steps = 0;    // of the optimiser
  uint64_t batches = 0;  // of new samples, each trained in one step or more
  // Of the batch after `position`, when a step on it failed before this was saved: the steps it is to take and those
  // already taken; 0 and 0 when none was begun. `rng` and the learner are those after the steps taken.
  uint64_t batch_steps = 0;
  uint64_t batch_done = 0;
  std::vector<uint64_t> label_samples;  // trained on, by label (step_schedule.h)
  uint64_t samples_trained = 0;
  uint64_t skipped_steps = 0;
  double loss = 0;
  int64_t newest_sample_us = 0;
  bool flush_due = false;  // a candidate is due: a flush was passed, or an accepted one was not published yet
  std::string rng;         // Rng::Save()
  std::vector<std::string> labels;
  std::vector<std::string> slices;
  std::string last_slice;  // of the newest trained sample
  PublishedRecord published;
  std::optional<LearnerState> learner;  // absent before the first step
  std::optional<std::string> instant;   // InstantLearner::Save(); absent without an instant head
};

inline constexpr std::string_view kCheckpointFamily = "trainer";

// Adds `checkpoint` of the trainer `name` to a batch.
void PutCheckpoint(const Checkpoint& checkpoint, kv::Family family, std::string_view name, kv::WriteBatch& batch);
// nullopt when the trainer has none yet; kCorruption when it cannot be read in full.
Result<std::optional<Checkpoint>> LoadCheckpoint(const kv::KvStore& store, kv::Family family, std::string_view name);

}  // namespace perennial::trainer
