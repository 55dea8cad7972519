#include "api/bench/trained_version.h"

#include "storage/kv/kv_store.h"
#include "storage/samples/sample_log.h"
#include "storage/sources/simulator.h"

namespace perennial::bench {
namespace {

std::vector<std::string> AllFamilies() {
  std::vector<std::string> families = samples::SampleLog::Families();
  for (const std::string& name : trainer::OnlineTrainer::Families()) families.push_back(name);
  return families;
}

// Fills the log from the simulator; the test part is returned too.
Result<std::vector<format::Sample>> Fill(samples::SampleLog& log, uint64_t count, uint64_t seed) {
  sources::SimulatorOptions simulator;
  simulator.seed = seed;
  simulator.schedule = {"base"};
  simulator.train_per_slice = count;
  simulator.test_per_slice = 200;
  PERENNIAL_ASSIGN_OR_RETURN(const auto source, sources::OpenSimulator(simulator));
  std::vector<format::Sample> test;
  std::vector<format::Sample> batch;
  for (;;) {
    PERENNIAL_ASSIGN_OR_RETURN(std::optional<sources::Item> item, source->Next());
    if (item) {
      if (!item->sample.ok()) return item->sample.status();
      if (item->sample->part == format::Part::kTest) test.push_back(*item->sample);
      batch.push_back(std::move(item->sample).value());
    }
    if (batch.size() == 256 || (!item && !batch.empty())) {
      PERENNIAL_RETURN_IF_ERROR(log.Append(std::exchange(batch, {})).status());
    }
    if (!item) break;
  }
  PERENNIAL_RETURN_IF_ERROR(log.AppendFlush().status());
  return test;
}

}  // namespace

Result<TrainedVersion> TrainVersion(uint64_t count, uint64_t seed) {
  const SystemClock clock;
  const auto store = kv::OpenMemory(AllFamilies());
  PERENNIAL_ASSIGN_OR_RETURN(const auto log, samples::SampleLog::Open(*store, {}, clock));
  TrainedVersion trained;
  PERENNIAL_ASSIGN_OR_RETURN(trained.test, Fill(*log, count, seed));
  trainer::TrainerOptions options;
  PERENNIAL_ASSIGN_OR_RETURN(options.spec, format::ModelSpec::Preset("tiny"));
  options.seed = seed;
  PERENNIAL_ASSIGN_OR_RETURN(const auto online, trainer::OnlineTrainer::Open(options, *log, *store, clock));
  for (;;) {
    PERENNIAL_ASSIGN_OR_RETURN(const auto outcome, online->Step(clock.In(std::chrono::seconds(10))));
    if (outcome == trainer::OnlineTrainer::StepOutcome::kNoData)
      return DeadlineExceeded("the trainer got no data in time");
    if (online->GetStatus().flush_due) break;  // the whole feed was trained on
  }
  PERENNIAL_ASSIGN_OR_RETURN(trained.candidate, online->MakeCandidate(nullptr, 1, 0));
  return trained;
}

}  // namespace perennial::bench
