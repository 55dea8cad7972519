#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "serving/model/instant_head.h"
#include "serving/model/quantise.h"
#include "storage/base/status.h"
#include "storage/format/version_image.h"
#include "storage/samples/sample_log.h"
#include "trainer/evaluator.h"
#include "trainer/flips.h"
#include "trainer/gate.h"
#include "trainer/learner.h"
#include "trainer/online_trainer.h"
#include "trainer/published_record.h"

namespace perennial::trainer {

class InstantLearner;

// Makes a candidate version: quantises student and moving average exactly as they would ship, evaluates both, asks the
// gate about the better one and then the other. When both are refused (what is new has cost too much of what is old),
// it looks between the published weights and the better of the two, with an offset on the newest labels' logits, for
// the highest mean accuracy over slices that holds the rule: then a skill comes in step by step instead of never. The
// choice is made on the gate's samples; a slice with a test part of its own that is large enough may only veto. With an
// instant learner every contender gets the instant head before it is judged: one solution, solved anew, and a blend
// fitted to the contender on the gate's samples; the search's offset is then on the blended answer. Owned by the
// trainer; thread-compatible. REQUIRES `log` outlives it.
class CandidateMaker {
 public:
  struct Options {
    Evaluator::Options evaluation;
    GateOptions gate;
    bool interpolate = true;
  };
  CandidateMaker(const samples::SampleLog& log, const Options& options)
      : log_(log), options_(options), evaluator_(log, options.evaluation) {}

  // Samples that wait for their batch, for the instant head.
  struct Waiting {
    model::ModelInput input;
    std::vector<int64_t> labels;  // indices of the request's labels
  };
  struct Request {
    const std::vector<std::string>& labels;
    const std::vector<std::string>& slices;  // trained on so far, in order of first sight
    std::string current_slice = {};          // whose part the stream is in
    uint64_t steps = 0;
    uint64_t trained_until = 0;
    uint64_t read_until = 0;
    uint64_t forgotten_until = 0;
    bool trained_anew = false;
    std::string owed = {};  // why a version is due even without a gain; empty: it is not
    const format::VersionImage* frozen = nullptr;
    std::shared_ptr<const format::VersionImage> published = nullptr;  // null: not known
    uint64_t new_scale_set = 0;
    size_t max_per_slice = 0;
    InstantLearner* instant = nullptr;  // null: the network alone ships
    const Waiting* waiting = nullptr;   // null: none
  };
  // Updates what `record` knows of learned accuracies.
  Result<Candidate> Make(Learner& learner, const Request& request, PublishedRecord& record);
  // What is published with a new instant head. kFailedPrecondition without a head, or when what is published is not
  // known.
  Result<Candidate> MakeInstant(const Request& request, const PublishedRecord& record);
  // Lets go of what is kept of held-out samples, some of which are to be forgotten.
  void DropKept() {
    evaluator_.DropKept();
    network_rows_.clear();
  }

 private:
  struct Contender;
  struct Round;
  struct Point;
  struct RoundInstant;
  using Answers = std::unordered_map<uint64_t, SplitAnswer>;
  struct Offsets {
    std::vector<Offset> gate;
    std::vector<Offset> search;  // of `gate`, when it is large
    std::vector<Offset> report;
  };
  // What both versions answered to some samples of one slice.
  struct Comparison {
    PublishedRecord::SliceScore before, now;
    SliceFlips flips;
  };

  // candidate_maker.cc
  Result<std::vector<Offsets>> HeldOut(const Request& request) const;
  Status LoadForEvaluation(const format::VersionImage& image);
  int64_t SplitOf(const model::Model& network, const Request& request, const PublishedRecord& record) const;
  static Result<model::QuantiseOutcome> QuantiseFor(const model::Model& model, const Request& request);
  // use: how a round's head is used; null: fitted to `model`.
  Result<Contender> Contend(const model::Model& model, std::string name, const Round& round,
                            const model::InstantUse* use = nullptr);
  Status ScoreOnGate(const Round& round, Contender& contender);
  Status Judge(const Round& round, Contender& contender);
  Result<bool> Passes(const Round& round, Contender& contender);
  Status Choose(const Round& round, std::vector<Contender>& contenders, size_t& chosen);
  Result<Candidate> Finish(const Round& round, std::vector<Contender>& contenders, size_t chosen,
                           PublishedRecord& record);
  Result<EvaluationReport> Report(const Round& round, Contender& contender, PublishedRecord& record);

  // candidate_search.cc: between the published weights and the network's.
  Status Search(const Round& round, const model::Model& target, std::vector<Contender>& contenders);
  Result<Point> Explore(const Round& round, const model::Model& target, double share, const Contender& network);
  static model::InstantUse WithOffset(const Point& point, int64_t split, size_t labels);
  Result<Point> PointOf(const Round& round, double share, const Answers& answers);

  // candidate_instant.cc: the head that each contender gets.
  Result<std::unique_ptr<RoundInstant>> SolveInstant(const Request& request, bool anew) const;
  Status ScoreInstant(const Round& round, const format::VersionImage& backbone);
  Status AttachInstantTo(const Round& round, Contender& contender, const model::InstantUse* use);
  Status Blend(const Round& round, Contender& contender, const model::InstantUse* use);
  Result<Point> BestUse(const Round& round, double share, const model::InstantUse& fitted,
                        const std::vector<Offset>& offsets, const std::vector<float>& network);
  Result<Point> ExploreBlended(const Round& round, double share, const model::InstantUse& fitted);
  std::vector<model::InstantUse> UsesToTry(const Round& round, const model::InstantUse& fitted) const;
  static void BlendAnswers(const RoundInstant& instant, const model::InstantUse& use,
                           const std::vector<Offset>& offsets, const std::vector<float>& network, int64_t split,
                           Answers& answers);

  // candidate_head_only.cc: the published network with a new head.
  Result<Contender> ContendHeadOnly(const Round& round, const format::VersionImage& network, std::string name,
                                    const model::InstantUse* use);
  Status NetworkRows(const std::vector<Offset>& offsets, int64_t labels, std::vector<float>& out);
  Status PredictHeadOnly(const Round& round, const std::vector<Offset>& offsets, Contender& contender);

  // candidate_flips.cc: what is published.
  Status FollowPublished(const Request& request);
  Status AnswerAsPublished(const std::vector<Offset>& offsets);
  bool IsOldSlice(const std::string& slice) const;
  Result<Comparison> Compare(const std::vector<Offset>& offsets, const Evaluator::Predictions& answers,
                             const std::vector<std::string>& labels);
  Status ListFlips(const Round& round, const Contender& contender, FlipReport& report);

  const samples::SampleLog& log_;
  const Options options_;
  Evaluator evaluator_;
  std::shared_ptr<model::Model> evaluated_;  // reused between evaluations
  std::shared_ptr<model::Model> mixed_;      // likewise between the weights that are tried

  // The published version: its weights (made when needed) and its answers to held-out samples so far.
  std::shared_ptr<const format::VersionImage> published_;
  std::shared_ptr<model::Model> published_model_;
  std::shared_ptr<const model::InstantHead> published_head_;  // null: none
  Evaluator::Predictions published_answers_;
  // The answers of the candidate made last, which may be published next.
  std::shared_ptr<const format::VersionImage> rows_of_;            // whose network answered `network_rows_`
  std::unordered_map<uint64_t, std::vector<float>> network_rows_;  // probabilities by offset
  Hash256 last_root_;
  Evaluator::Predictions last_answers_;
};

}  // namespace perennial::trainer
