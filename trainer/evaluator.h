#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "serving/model/instant_head.h"
#include "serving/model/model.h"
#include "storage/base/ids.h"
#include "storage/base/status.h"
#include "storage/samples/sample_log.h"
#include "trainer/offset_fit.h"
#include "trainer/published_record.h"

namespace perennial::trainer {

// Runs a model over held-out samples of the log, in batches and without gradients, and scores it. Keeps decoded
// pictures, up to a bound. A sample whose picture does not decode (it did when it was accepted, maybe under wider
// limits) is left out of predictions and scores, with one warning. Owned by the trainer; thread-compatible.
class Evaluator {
 public:
  struct Options {
    uint64_t cache_bytes = 256u << 20;
    size_t batch = 128;
    media::DecodeLimits image_limits;  // those the log takes pictures by
    torch::Device device = torch::Device(torch::kCPU);
  };
  // REQUIRES `log` outlives the evaluator.
  Evaluator(const samples::SampleLog& log, Options options) : log_(log), options_(options) {}

  enum class Hide : uint8_t { kNothing, kImage, kText };
  // What a model answered: the label's index by offset.
  using Predictions = std::unordered_map<uint64_t, int64_t>;

  // Which held-out samples a slice's accuracy is measured on. The gate must not look at the test part where it can do
  // without: it has the drawn share, and only where nothing was drawn all held-out samples. The report has the test
  // part when there is one, else the drawn share. At most `max_per_slice` (0: all), the ones with the lowest hash, so
  // that the choice hardly moves as the log grows.
  Result<std::vector<Offset>> GateOffsets(const std::string& slice, size_t max_per_slice) const;
  Result<std::vector<Offset>> ReportOffsets(const std::string& slice, size_t max_per_slice) const;

  // Adds the answers of a version for those of `offsets` that `predictions` lacks, but for samples that are left out:
  // its network's, blended with its instant head's where it has one (model::Answer). REQUIRES the model is in eval mode
  // and has head->labels() labels.
  Status Predict(model::Model& model, const std::vector<Offset>& offsets, Hide hide, Predictions& predictions,
                 const model::InstantHead* head = nullptr);
  // The same with the labels in two groups: those below `split` and the rest. REQUIRES 0 < split <= the model's
  // labels.
  Status PredictSplit(model::Model& model, const std::vector<Offset>& offsets, int64_t split,
                      std::unordered_map<uint64_t, SplitAnswer>& answers);
  // Both parts by themselves, for fitting a blend. Appends softmax(logits) [n, labels] of a network to `out`, row after
  // row; samples that are left out have none.
  Status Probabilities(model::Model& model, const std::vector<Offset>& offsets, std::vector<float>& out);
  // Appends the head's scores [n, labels] to `out` and the samples they are of to `scored`.
  Status Scores(const model::InstantHead& head, const format::ModelSpec& spec, const std::vector<Offset>& offsets,
                std::vector<Offset>& scored, std::vector<float>& out);

  struct Score {
    PublishedRecord::SliceScore counts;
    double balanced_accuracy = 0;  // mean recall over the classes present in the true labels
  };
  // Scores answers against the true labels; `labels[i]` is the name of answer i. REQUIRES Predict covered `offsets`.
  Result<Score> ScoreOf(const std::vector<Offset>& offsets, const Predictions& predictions,
                        const std::vector<std::string>& labels);
  // The true label of a held-out sample.
  Result<std::string> TrueLabel(Offset offset);
  // Lets go of all that is kept of held-out samples; what is asked for again is read again.
  void DropKept();
  // How many samples were found whose picture does not decode.
  size_t left_out() const { return left_out_.size(); }

 private:
  struct Item {
    std::shared_ptr<const media::Image> pixels;
    std::string text;
    std::string label;
    uint64_t Bytes() const;
  };
  // Null for a sample that is left out.
  Result<std::shared_ptr<const Item>> Load(Offset offset, const format::ModelSpec& spec);
  void LeaveOut(Offset offset, const Status& why);
  // Calls `take(offsets, input, logits)` batch by batch; logits: [batch, labels] f32 on the CPU.
  using TakeLogits = std::function<Status(const std::vector<Offset>&, const model::ModelInput&, const torch::Tensor&)>;
  Status Run(model::Model& model, const std::vector<Offset>& offsets, Hide hide, const TakeLogits& take);
  // The features of samples that load, [n, D]. They never move, so each row is extracted once and then kept.
  Result<std::vector<float>> Features(const model::InstantHead& head, const format::ModelSpec& spec,
                                      const std::vector<Offset>& loaded);

  const samples::SampleLog& log_;
  const Options options_;
  std::unordered_map<uint64_t, std::shared_ptr<const Item>> cache_;
  std::unordered_map<uint64_t, std::vector<uint8_t>> features_;  // by offset, [D] each
  model::RandomFeatureOptions features_of_;                      // what drew them
  uint64_t cached_bytes_ = 0;                                    // of both
  std::unordered_set<uint64_t> left_out_;
};

}  // namespace perennial::trainer
