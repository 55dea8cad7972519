// The instant head in a candidate: what would ship is what is judged.
#include "trainer/candidate_instant.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "storage/base/log.h"
#include "trainer/candidate_round.h"
#include "trainer/instant_learner.h"

namespace perennial::trainer {
namespace {

int64_t ArgMax(const std::vector<float>& row) { return std::max_element(row.begin(), row.end()) - row.begin(); }

// The backbone with the instant head of `former`, so that AttachInstant finds the scales that its codes had.
format::VersionImage WithFormerHead(format::VersionImage backbone, const format::VersionImage* former,
                                    const format::InstantSpec& spec) {
  if (former == nullptr || former->instant != spec) return backbone;
  backbone.tensors.resize(backbone.NetworkTensors());
  const auto first = former->tensors.begin() + static_cast<std::ptrdiff_t>(former->NetworkTensors());
  backbone.tensors.insert(backbone.tensors.end(), first, former->tensors.end());
  backbone.instant = spec;
  return backbone;
}

}  // namespace

// Null when there is no head to attach: none is learned, or it has seen nothing yet.
Result<std::unique_ptr<CandidateMaker::RoundInstant>> CandidateMaker::SolveInstant(const Request& request,
                                                                                   bool anew) const {
  auto none = [] { return std::unique_ptr<RoundInstant>(); };
  if (request.instant == nullptr || request.instant->samples() == 0) return none();
  auto round = std::make_unique<RoundInstant>();
  round->spec = request.instant->options().spec;
  auto solution = request.instant->Solve(static_cast<int64_t>(request.labels.size()), anew);
  if (!solution.ok()) {
    // The network is there without it.
    log::Warn("instant_head_left_out", {{"error", solution.status().ToString()}});
    return none();
  }
  round->solution = *std::move(solution);
  return round;
}

// The scores as the head gives them when it has shipped, with its rounded weights.
Status CandidateMaker::ScoreInstant(const Round& round, const format::VersionImage& backbone) {
  RoundInstant& instant = *round.instant;
  const std::vector<std::string>& labels = round.request.labels;
  model::InstantUse alone;
  alone.blend.assign(labels.size(), 1);
  PERENNIAL_ASSIGN_OR_RETURN(const format::VersionImage image,
                             model::AttachInstant(WithFormerHead(backbone, published_.get(), instant.spec), labels,
                                                  instant.spec, instant.solution, alone));
  PERENNIAL_ASSIGN_OR_RETURN(const auto head, model::InstantHead::FromImage(image));
  std::unordered_map<std::string, int64_t> index_of;
  for (size_t c = 0; c < labels.size(); ++c) index_of.emplace(labels[c], static_cast<int64_t>(c));
  HeldOutAnswers& answers = instant.answers;
  answers.labels = static_cast<int64_t>(labels.size());
  for (size_t slice = 0; slice < round.held_out.size(); ++slice) {
    PERENNIAL_RETURN_IF_ERROR(
        evaluator_.Scores(*head, backbone.spec, round.held_out[slice].gate, instant.offsets, answers.instant));
    for (size_t i = answers.truth.size(); i < instant.offsets.size(); ++i) {
      PERENNIAL_ASSIGN_OR_RETURN(const std::string truth, evaluator_.TrueLabel(instant.offsets[i]));
      const auto known = index_of.find(truth);
      answers.truth.push_back(known == index_of.end() ? -1 : known->second);
      answers.slice.push_back(static_cast<int64_t>(slice));
      instant.row_of.emplace(instant.offsets[i].value, i);
    }
  }
  instant.scored = true;
  return Status::Ok();
}

// Fits the blend to the network at hand (`evaluated_`), attaches the head and answers with both.
Status CandidateMaker::AttachInstantTo(const Round& round, Contender& contender) {
  RoundInstant& instant = *round.instant;
  format::VersionImage& image = contender.quantised.image;
  if (!instant.scored) PERENNIAL_RETURN_IF_ERROR(ScoreInstant(round, image));
  instant.answers.network.clear();
  PERENNIAL_RETURN_IF_ERROR(evaluator_.Probabilities(*evaluated_, instant.offsets, instant.answers.network));
  const BlendFit fit = FitBlend(instant.answers);
  PERENNIAL_ASSIGN_OR_RETURN(
      image, model::AttachInstant(WithFormerHead(image, published_.get(), instant.spec), round.request.labels,
                                  instant.spec, instant.solution, fit.use));
  PERENNIAL_ASSIGN_OR_RETURN(contender.head, model::InstantHead::FromImage(image));
  BlendAnswers(instant, fit.use, instant.offsets, instant.answers.network, contender.split);
  return Status::Ok();
}

// network: [offsets, labels] probabilities. All labels are one group: an offset on logits means nothing to the head.
void CandidateMaker::BlendAnswers(const RoundInstant& instant, const model::InstantUse& use,
                                  const std::vector<Offset>& offsets, const std::vector<float>& network,
                                  Answers& answers) {
  const int64_t labels = instant.answers.labels;
  std::vector<float> p, q;
  for (size_t i = 0; i < offsets.size(); ++i) {
    const auto own =
        instant.answers.instant.begin() + static_cast<std::ptrdiff_t>(instant.row_of.at(offsets[i].value)) * labels;
    q.assign(own, own + labels);
    model::SoftmaxWithTemperature(q.data(), 1, labels, use.temperature);
    const auto trained = network.begin() + static_cast<std::ptrdiff_t>(i) * labels;
    p.assign(trained, trained + labels);
    model::BlendRow(q.data(), use.blend, p.data());
    answers[offsets[i].value] = {ArgMax(p), -1, -std::numeric_limits<float>::infinity()};
  }
}

// A place of the search, answered by both with the blend that the network itself got.
Status CandidateMaker::ExploreBlended(const Round& round, const model::InstantUse& use, Answers& answers) {
  std::vector<Offset> offsets;
  for (const Offsets& of_slice : round.held_out) {
    for (const Offset offset : of_slice.search) {
      if (round.instant->row_of.contains(offset.value)) offsets.push_back(offset);
    }
  }
  std::vector<float> network;
  PERENNIAL_RETURN_IF_ERROR(evaluator_.Probabilities(*evaluated_, offsets, network));
  BlendAnswers(*round.instant, use, offsets, network, answers);
  return Status::Ok();
}

}  // namespace perennial::trainer
