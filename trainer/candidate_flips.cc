#include <algorithm>
#include <utility>

#include "trainer/candidate_round.h"

namespace perennial::trainer {
namespace {

bool IsPrefix(const std::vector<std::string>& labels, const std::vector<std::string>& of) {
  return labels.size() <= of.size() && std::equal(labels.begin(), labels.end(), of.begin());
}

// The name of answer i; nothing is right about an answer without one.
const std::string& NameOf(int64_t answer, const std::vector<std::string>& labels) {
  static const std::string none;
  const auto index = static_cast<size_t>(answer);
  return index < labels.size() ? labels[index] : none;
}

}  // namespace

// Takes over what is published now. A version that cannot be compared (its labels are in another order: it was made by
// another trainer) is as good as unknown.
Status CandidateMaker::FollowPublished(const Request& request) {
  if (request.published == nullptr || !IsPrefix(request.published->labels, request.labels)) {
    published_ = nullptr;
    published_model_ = nullptr;
    published_head_ = nullptr;
    published_answers_.clear();
    return Status::Ok();
  }
  if (request.published == published_) return Status::Ok();
  const Hash256 root = request.published->Root();
  if (root == last_root_) {
    published_answers_ = std::move(last_answers_);
  } else if (published_ == nullptr || root != published_->Root()) {
    published_answers_.clear();
  }
  last_root_ = Hash256();
  last_answers_.clear();
  published_ = request.published;
  published_model_ = nullptr;
  published_head_ = nullptr;
  return Status::Ok();
}

Status CandidateMaker::AnswerAsPublished(const std::vector<Offset>& offsets) {
  if (published_model_ == nullptr) {
    PERENNIAL_ASSIGN_OR_RETURN(published_model_, model::Instantiate(*published_, options_.evaluation.device));
    if (published_->instant) {
      PERENNIAL_ASSIGN_OR_RETURN(published_head_, model::InstantHead::FromImage(*published_));
    }
  }
  return evaluator_.Predict(*published_model_, offsets, Evaluator::Hide::kNothing, published_answers_,
                            published_head_.get());
}

bool CandidateMaker::IsOldSlice(const std::string& slice) const {
  return published_ != nullptr &&
         std::find(published_->slices.begin(), published_->slices.end(), slice) != published_->slices.end();
}

Result<CandidateMaker::Comparison> CandidateMaker::Compare(const std::vector<Offset>& offsets,
                                                           const Evaluator::Predictions& answers,
                                                           const std::vector<std::string>& labels) {
  PERENNIAL_RETURN_IF_ERROR(AnswerAsPublished(offsets));
  Comparison both;
  for (const Offset offset : offsets) {
    const auto then = published_answers_.find(offset.value);
    const auto now = answers.find(offset.value);
    if (then == published_answers_.end() || now == answers.end()) continue;  // left out: its picture does not decode
    PERENNIAL_ASSIGN_OR_RETURN(const std::string truth, evaluator_.TrueLabel(offset));
    const bool was_right = NameOf(then->second, published_->labels) == truth;
    const bool is_right = NameOf(now->second, labels) == truth;
    ++both.before.samples;
    ++both.now.samples;
    both.before.correct += was_right ? 1 : 0;
    both.now.correct += is_right ? 1 : 0;
    both.flips.lost += was_right && !is_right ? 1 : 0;
    both.flips.won += !was_right && is_right ? 1 : 0;
  }
  return both;
}

Status CandidateMaker::ListFlips(const Round& round, const Contender& contender, FlipReport& report) {
  report.known = published_ != nullptr;
  if (!report.known) return Status::Ok();
  const std::vector<std::string>& labels = round.request.labels;
  for (size_t i = 0; i < round.held_out.size(); ++i) {
    if (!IsOldSlice(round.request.slices[i])) continue;
    std::vector<Offset> offsets = round.held_out[i].gate;
    offsets.insert(offsets.end(), round.held_out[i].report.begin(), round.held_out[i].report.end());
    std::sort(offsets.begin(), offsets.end());
    offsets.erase(std::unique(offsets.begin(), offsets.end()), offsets.end());
    PERENNIAL_ASSIGN_OR_RETURN(const Comparison both, Compare(offsets, contender.predictions, labels));
    report.compared += both.now.samples;
    report.lost += both.flips.lost;
    report.won += both.flips.won;
    for (const Offset offset : offsets) {
      const auto then = published_answers_.find(offset.value);
      const auto now = contender.predictions.find(offset.value);
      if (then == published_answers_.end() || now == contender.predictions.end()) continue;
      if (report.listed.size() >= FlipReport::kMaxListed) break;
      const std::string& old_answer = NameOf(then->second, published_->labels);
      const std::string& new_answer = NameOf(now->second, labels);
      if (old_answer == new_answer) continue;
      PERENNIAL_ASSIGN_OR_RETURN(const std::string truth, evaluator_.TrueLabel(offset));
      if (old_answer != truth) continue;
      PERENNIAL_ASSIGN_OR_RETURN(const samples::Entry entry, log_.Read(offset));
      report.listed.push_back({offset.value, entry.sample.id, round.request.slices[i], truth, old_answer, new_answer});
    }
  }
  return Status::Ok();
}

}  // namespace perennial::trainer
