#include <algorithm>
#include <utility>

#include "serving/model/answer.h"
#include "trainer/guarded.h"
#include "trainer/instant_learner.h"

namespace perennial::trainer {
namespace {

// Appends the network's probabilities, with zeros for labels it does not have.
Status AppendNetwork(model::Model& network, const InstantHeldOut& held_out, int64_t labels, HeldOutAnswers& answers) {
  const torch::NoGradGuard no_grad;
  const torch::Tensor own = model::Answer(network, nullptr, held_out.input);
  const int64_t known = own.size(1);
  if (own.size(0) != static_cast<int64_t>(held_out.labels.size()) || held_out.slices.size() != held_out.labels.size() ||
      known > labels) {
    return InvalidArgument("instant version: network, labels and held-out samples do not fit each other");
  }
  const float* row = own.data_ptr<float>();
  for (int64_t i = 0; i < own.size(0); ++i, row += known) {
    answers.network.insert(answers.network.end(), row, row + known);
    answers.network.insert(answers.network.end(), static_cast<size_t>(labels - known), 0.0f);
  }
  return Status::Ok();
}

Result<HeldOutAnswers> AnswersTo(const InstantLearner& learner, const model::InstantSolution& solution,
                                 model::Model& network, const std::vector<InstantHeldOut>& held_out) {
  HeldOutAnswers answers;
  answers.labels = solution.labels();
  answers.untrained.assign(static_cast<size_t>(answers.labels), false);
  for (int64_t c = network.label_count(); c < answers.labels; ++c) answers.untrained[static_cast<size_t>(c)] = true;
  for (const InstantHeldOut& part : held_out) {
    PERENNIAL_RETURN_IF_ERROR(
        Guarded("instant version", [&] { return AppendNetwork(network, part, answers.labels, answers); }));
    PERENNIAL_ASSIGN_OR_RETURN(const std::vector<float> scores, learner.Scores(solution, part.input));
    answers.instant.insert(answers.instant.end(), scores.begin(), scores.end());
    for (const int64_t label : part.labels) answers.truth.push_back(label < answers.labels ? label : -1);
    for (const int64_t slice : part.slices) {
      if (slice < 0) return InvalidArgument("instant version: a held-out sample's slice is negative");
      answers.slice.push_back(slice);
    }
  }
  return answers;
}

}  // namespace

Result<InstantVersion> MakeInstantVersion(InstantLearner& learner, const format::VersionImage& backbone,
                                          model::Model& network, const std::vector<std::string>& labels,
                                          const std::vector<InstantHeldOut>& held_out, bool anew) {
  const auto count = static_cast<int64_t>(labels.size());
  if (network.label_count() > count || learner.labels() > count) {
    return InvalidArgument("instant version: " + std::to_string(count) + " label names for a network of " +
                           std::to_string(network.label_count()) + " and an instant head of " +
                           std::to_string(learner.labels()));
  }
  PERENNIAL_ASSIGN_OR_RETURN(const model::InstantSolution solution, learner.Solve(count, anew));
  PERENNIAL_ASSIGN_OR_RETURN(const HeldOutAnswers answers, AnswersTo(learner, solution, network, held_out));
  InstantVersion out;
  out.fit = FitBlend(answers);
  PERENNIAL_ASSIGN_OR_RETURN(out.image,
                             model::AttachInstant(backbone, labels, learner.options().spec, solution, out.fit.use));
  return out;
}

}  // namespace perennial::trainer
