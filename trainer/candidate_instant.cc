// The instant head in a candidate: what would ship is what is judged.
#include "trainer/candidate_instant.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "storage/base/log.h"
#include "trainer/candidate_round.h"
#include "trainer/instant_learner.h"

namespace perennial::trainer {
namespace {

int64_t ArgMax(const std::vector<float>& row, int64_t from, int64_t to) {
  return std::max_element(row.begin() + from, row.begin() + to) - row.begin();
}

// The labels below `split` and the rest, as two groups. Margins are of logarithms: what an offset is added to.
SplitAnswer SplitOfRow(const std::vector<float>& row, int64_t split) {
  const auto labels = static_cast<int64_t>(row.size());
  if (split >= labels) return {ArgMax(row, 0, labels), -1, -std::numeric_limits<float>::infinity()};
  const int64_t old_label = ArgMax(row, 0, split), new_label = ArgMax(row, split, labels);
  constexpr float kLeast = 1e-30f;  // a probability of 0 loses by much, not by infinity
  const auto log_of = [&](int64_t label) { return std::log(std::max(kLeast, row[static_cast<size_t>(label)])); };
  return {old_label, new_label, log_of(new_label) - log_of(old_label)};
}

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
  if (request.instant == nullptr || (request.instant->samples() == 0 && request.waiting == nullptr)) return none();
  auto round = std::make_unique<RoundInstant>();
  round->spec = request.instant->options().spec;
  const auto labels = static_cast<int64_t>(request.labels.size());
  auto solution = request.waiting != nullptr
                      ? request.instant->SolveWith(request.waiting->input, request.waiting->labels, labels)
                      : request.instant->Solve(labels, anew);
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

// Fits the blend to the network at hand (`evaluated_`) unless one is given, attaches the head and answers with both.
Status CandidateMaker::AttachInstantTo(const Round& round, Contender& contender, const model::InstantUse* given) {
  RoundInstant& instant = *round.instant;
  format::VersionImage& image = contender.quantised.image;
  if (!instant.scored) PERENNIAL_RETURN_IF_ERROR(ScoreInstant(round, image));
  instant.answers.network.clear();
  PERENNIAL_RETURN_IF_ERROR(evaluator_.Probabilities(*evaluated_, instant.offsets, instant.answers.network));
  PERENNIAL_RETURN_IF_ERROR(Blend(round, contender, given));
  return Status::Ok();
}

// The same once the network's answers are there.
Status CandidateMaker::Blend(const Round& round, Contender& contender, const model::InstantUse* given) {
  RoundInstant& instant = *round.instant;
  format::VersionImage& image = contender.quantised.image;
  const model::InstantUse use = given != nullptr ? *given : FitBlend(instant.answers).use;
  PERENNIAL_ASSIGN_OR_RETURN(image, model::AttachInstant(WithFormerHead(image, published_.get(), instant.spec),
                                                         round.request.labels, instant.spec, instant.solution, use));
  PERENNIAL_ASSIGN_OR_RETURN(contender.head, model::InstantHead::FromImage(image));
  BlendAnswers(instant, use, instant.offsets, instant.answers.network, round.split, contender.split);
  return Status::Ok();
}

// network: [offsets, labels] probabilities.
void CandidateMaker::BlendAnswers(const RoundInstant& instant, const model::InstantUse& use,
                                  const std::vector<Offset>& offsets, const std::vector<float>& network, int64_t split,
                                  Answers& answers) {
  const int64_t labels = instant.answers.labels;
  const std::vector<float> factor = model::BlendFactors(use);
  std::vector<float> p, q;
  for (size_t i = 0; i < offsets.size(); ++i) {
    const auto own =
        instant.answers.instant.begin() + static_cast<std::ptrdiff_t>(instant.row_of.at(offsets[i].value)) * labels;
    q.assign(own, own + labels);
    model::SoftmaxWithTemperature(q.data(), 1, labels, use.temperature);
    const auto trained = network.begin() + static_cast<std::ptrdiff_t>(i) * labels;
    p.assign(trained, trained + labels);
    model::BlendRow(q.data(), use.blend, factor, p.data());
    answers[offsets[i].value] = SplitOfRow(p, split);
  }
}

// Ways to use the head beside one network: as it was fitted; the same with the offsets that the published version has,
// whole and halved (without them a slice that they favour falls at once); and just as the published version does.
std::vector<model::InstantUse> CandidateMaker::UsesToTry(const Round& round, const model::InstantUse& fitted) const {
  std::vector<model::InstantUse> uses{fitted};
  if (published_head_ == nullptr) return uses;
  const model::InstantUse& former = published_head_->use();
  const size_t labels = round.request.labels.size(), known = std::min(former.blend.size(), labels);
  for (const float share : {1.0f, 0.5f}) {
    model::InstantUse use = fitted;
    use.offset.assign(labels, 0);
    for (size_t c = 0; c < known; ++c) use.offset[c] = share * former.offset[c];
    uses.push_back(std::move(use));
  }
  model::InstantUse same = uses[1];
  same.temperature = former.temperature;
  std::copy_n(former.blend.begin(), known, same.blend.begin());
  uses.push_back(std::move(same));
  return uses;
}

// A place of the search with the best use of the head there. `fitted`: as the network itself has it.
Result<CandidateMaker::Point> CandidateMaker::ExploreBlended(const Round& round, double share,
                                                             const model::InstantUse& fitted) {
  std::vector<Offset> offsets;
  for (const Offsets& of_slice : round.held_out) {
    for (const Offset offset : of_slice.search) {
      if (round.instant->row_of.contains(offset.value)) offsets.push_back(offset);
    }
  }
  std::vector<float> network;
  PERENNIAL_RETURN_IF_ERROR(evaluator_.Probabilities(*evaluated_, offsets, network));
  return BestUse(round, share, fitted, offsets, network);
}

Result<CandidateMaker::Point> CandidateMaker::BestUse(const Round& round, double share, const model::InstantUse& fitted,
                                                      const std::vector<Offset>& offsets,
                                                      const std::vector<float>& network) {
  Point best;
  best.share = share;
  for (model::InstantUse& use : UsesToTry(round, fitted)) {
    Answers answers;
    BlendAnswers(*round.instant, use, offsets, network, round.split, answers);
    PERENNIAL_ASSIGN_OR_RETURN(Point point, PointOf(round, share, answers));
    if (!point.fit.found || (best.fit.found && point.fit.mean <= best.fit.mean)) continue;
    point.use = std::move(use);
    best = std::move(point);
  }
  return best;
}

}  // namespace perennial::trainer
