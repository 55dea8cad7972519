// The cadence of seconds: the network that is published, with an instant head that knows what came since.
#include <algorithm>
#include <utility>

#include "trainer/candidate_instant.h"
#include "trainer/candidate_round.h"
#include "trainer/instant_learner.h"

namespace perennial::trainer {
namespace {

using format::TensorRecord;
using format::VersionImage;

bool SameTensor(const TensorRecord& a, const TensorRecord& b) {
  if (a.name != b.name || a.kind != b.kind) return false;
  if (a.name.rfind("head.", 0) != 0) return a.codes == b.codes && a.scales == b.scales && a.values == b.values;
  // One may have more rows that never win.
  const size_t shared = std::min(a.values.size(), b.values.size());
  return std::equal(a.values.begin(), a.values.begin() + static_cast<std::ptrdiff_t>(shared), b.values.begin());
}

// Whether two versions have one network, but for rows that never win.
bool SameNetwork(const VersionImage& a, const VersionImage& b) {
  if (model::TrainedLabels(a) != model::TrainedLabels(b) || a.NetworkTensors() != b.NetworkTensors()) return false;
  for (size_t i = 0; i < a.NetworkTensors(); ++i) {
    if (!SameTensor(a.tensors[i], b.tensors[i])) return false;
  }
  return true;
}

}  // namespace

// The published network's probabilities [offsets, labels], 0 for labels that it was not trained on. It stays for many
// heads, so each sample is asked once. REQUIRES `evaluated_` is that network.
Status CandidateMaker::NetworkRows(const std::vector<Offset>& offsets, int64_t labels, std::vector<float>& out) {
  if (rows_of_ != published_ && (rows_of_ == nullptr || !SameNetwork(*rows_of_, *published_))) network_rows_.clear();
  rows_of_ = published_;
  std::vector<Offset> unasked;
  for (const Offset offset : offsets) {
    if (!network_rows_.contains(offset.value)) unasked.push_back(offset);
  }
  std::vector<float> fresh;
  PERENNIAL_RETURN_IF_ERROR(evaluator_.Probabilities(*evaluated_, unasked, fresh));
  for (size_t i = 0; i < unasked.size(); ++i) {
    const auto row = fresh.begin() + static_cast<std::ptrdiff_t>(i) * labels;
    network_rows_.emplace(unasked[i].value, std::vector<float>(row, row + labels));
  }
  for (const Offset offset : offsets) {
    const std::vector<float>& row = network_rows_.at(offset.value);
    const size_t known = std::min(row.size(), static_cast<size_t>(labels));
    out.insert(out.end(), row.begin(), row.begin() + static_cast<std::ptrdiff_t>(known));
    out.insert(out.end(), static_cast<size_t>(labels) - known, 0.0f);
  }
  return Status::Ok();
}

// Adds the answers that `contender` lacks.
Status CandidateMaker::PredictHeadOnly(const Round& round, const std::vector<Offset>& offsets, Contender& contender) {
  std::vector<Offset> unasked, asked;
  for (const Offset offset : offsets) {
    if (!contender.predictions.contains(offset.value)) unasked.push_back(offset);
  }
  const auto labels = static_cast<int64_t>(round.request.labels.size());
  std::vector<float> own, network;
  PERENNIAL_RETURN_IF_ERROR(evaluator_.Scores(*contender.head, contender.quantised.image.spec, unasked, asked, own));
  PERENNIAL_RETURN_IF_ERROR(NetworkRows(asked, labels, network));
  const model::InstantUse& use = contender.head->use();
  const std::vector<float> factor = model::BlendFactors(use);
  model::SoftmaxWithTemperature(own.data(), static_cast<int64_t>(asked.size()), labels, use.temperature);
  for (size_t i = 0; i < asked.size(); ++i) {
    const auto at = static_cast<std::ptrdiff_t>(i) * labels;
    model::BlendRow(own.data() + at, use.blend, factor, network.data() + at);
    const auto row = network.begin() + at;
    contender.predictions[asked[i].value] = std::max_element(row, row + labels) - row;
  }
  return Status::Ok();
}

Result<CandidateMaker::Contender> CandidateMaker::ContendHeadOnly(const Round& round, const VersionImage& network,
                                                                  std::string name, const model::InstantUse* use) {
  Contender contender;
  contender.name = std::move(name);
  contender.quantised.image = network;
  if (!round.instant->scored) PERENNIAL_RETURN_IF_ERROR(ScoreInstant(round, network));
  HeldOutAnswers& answers = round.instant->answers;
  answers.untrained.assign(round.request.labels.size(), false);
  std::fill(answers.untrained.begin() + static_cast<std::ptrdiff_t>(model::TrainedLabels(network)),
            answers.untrained.end(), true);
  answers.network.clear();
  PERENNIAL_RETURN_IF_ERROR(NetworkRows(round.instant->offsets, answers.labels, answers.network));
  PERENNIAL_RETURN_IF_ERROR(Blend(round, contender, use));
  PERENNIAL_RETURN_IF_ERROR(ScoreOnGate(round, contender));
  for (const Offsets& offsets : round.held_out) {
    PERENNIAL_RETURN_IF_ERROR(PredictHeadOnly(round, offsets.report, contender));
  }
  PERENNIAL_RETURN_IF_ERROR(Judge(round, contender));
  return contender;
}

Result<Candidate> CandidateMaker::MakeInstant(const Request& request, const PublishedRecord& record) {
  PERENNIAL_RETURN_IF_ERROR(FollowPublished(request));
  if (published_ == nullptr) {
    return FailedPrecondition("nothing that an instant head could be put on is published yet",
                              "feed more samples: the first version comes with the network");
  }
  PERENNIAL_ASSIGN_OR_RETURN(const std::vector<Offsets> held_out, HeldOut(request));
  PERENNIAL_ASSIGN_OR_RETURN(const auto instant, SolveInstant(request, true));
  if (instant == nullptr) return FailedPrecondition("there is no instant head yet", "set instant_width, feed samples");
  PERENNIAL_ASSIGN_OR_RETURN(const VersionImage network, model::NetworkWithLabels(*published_, request.labels));
  PERENNIAL_RETURN_IF_ERROR(LoadForEvaluation(network));
  const auto known = static_cast<std::ptrdiff_t>(model::TrainedLabels(*published_));
  Round round{request, record, held_out, known, instant.get()};
  // Also when the version before knew fewer samples of them: hardly any is held out yet.
  round.new_labels.assign(request.labels.begin() + known, request.labels.end());
  std::vector<Contender> contenders;
  PERENNIAL_ASSIGN_OR_RETURN(contenders.emplace_back(), ContendHeadOnly(round, network, "instant head", nullptr));
  if (!contenders[0].decision.accepted) {
    PERENNIAL_ASSIGN_OR_RETURN(
        const Point point, BestUse(round, 0, contenders[0].head->use(), instant->offsets, instant->answers.network));
    if (point.fit.found) {
      const model::InstantUse use = WithOffset(point, round.split, request.labels.size());
      PERENNIAL_ASSIGN_OR_RETURN(contenders.emplace_back(),
                                 ContendHeadOnly(round, network, "instant head, held back", &use));
      if (contenders[1].decision.accepted) std::swap(contenders[0], contenders[1]);
    }
  }
  contenders.resize(1);
  PERENNIAL_RETURN_IF_ERROR(Passes(round, contenders[0]).status());
  PublishedRecord aside = record;  // when heads are made depends on when samples arrive: no trace in the record
  PERENNIAL_ASSIGN_OR_RETURN(Candidate candidate, Finish(round, contenders, 0, aside));
  candidate.report.head_only = true;
  candidate.report.head_samples =
      static_cast<uint64_t>(request.instant->samples()) + (request.waiting ? request.waiting->labels.size() : 0);
  return candidate;
}

}  // namespace perennial::trainer
