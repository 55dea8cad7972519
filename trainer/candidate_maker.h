#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "storage/base/status.h"
#include "storage/format/version_image.h"
#include "storage/samples/sample_log.h"
#include "trainer/evaluator.h"
#include "trainer/gate.h"
#include "trainer/learner.h"
#include "trainer/online_trainer.h"
#include "trainer/published_record.h"

namespace perennial::trainer {

// Makes a candidate version: quantises student and moving average exactly as they would ship, evaluates both, keeps the
// better, writes the report, asks the gate. Owned by the trainer; thread-compatible. REQUIRES `log` outlives it.
class CandidateMaker {
 public:
  CandidateMaker(const samples::SampleLog& log, Evaluator::Options evaluation)
      : evaluator_(log, evaluation), device_(evaluation.device) {}

  struct Request {
    const std::vector<std::string>& labels;
    const std::vector<std::string>& slices;  // trained on so far, in order of first sight
    std::string current_slice = {};          // whose part the stream is in
    uint64_t trained_until = 0;
    const format::VersionImage* frozen = nullptr;
    uint64_t new_scale_set = 0;
    size_t max_per_slice = 0;
  };
  // Updates what `record` knows of learned accuracies.
  Result<Candidate> Make(Learner& learner, const Request& request, PublishedRecord& record);

 private:
  struct Contender;
  struct Offsets {
    std::vector<Offset> gate;
    std::vector<Offset> report;
  };
  Result<std::vector<Offsets>> HeldOut(const Request& request) const;
  Result<Contender> Contend(const model::Model& model, const char* name, const Request& request,
                            const std::vector<Offsets>& held_out);
  Status LoadForEvaluation(const format::VersionImage& image);
  Status FillReport(Contender& contender, const Request& request, const std::vector<Offsets>& held_out,
                    PublishedRecord& record, EvaluationReport& report);

  Evaluator evaluator_;
  const torch::Device device_;
  std::shared_ptr<model::Model> evaluated_;  // reused between evaluations
};

}  // namespace perennial::trainer
