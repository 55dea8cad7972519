#include "api/bench/continual_answers.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_map>

namespace perennial::bench {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

struct Score {
  double samples = 0;
  double correct = 0;
  double Accuracy() const { return samples == 0 ? kNone : correct / samples; }
};

// Mean of what is a number; NaN of nothing.
class Mean {
 public:
  void Add(double value) {
    if (!std::isfinite(value)) return;
    sum_ += value;
    ++count_;
  }
  double Value() const { return count_ == 0 ? kNone : sum_ / static_cast<double>(count_); }

 private:
  double sum_ = 0;
  uint64_t count_ = 0;
};

class Scorer {
 public:
  Scorer(const ContinualStream& stream, const ContinualRecord& record) : stream_(stream), record_(record) {
    const auto& labels = stream.data->labels;
    for (uint32_t i = 0; i < labels.size(); ++i) number_of_.emplace(labels[i], i);
  }

  bool Correct(const StreamItem& item, uint32_t predicted) const {
    return number_of_.at(stream_.TrueLabel(item)) == predicted;
  }
  Score Of(const Answers& answers, const std::vector<std::vector<StreamItem>>& items, uint32_t slice) const {
    Score score;
    const auto at = answers.find(slice);
    if (at == answers.end()) return score;
    for (const Answer& answer : at->second) {
      ++score.samples;
      score.correct += Correct(items[slice][answer.at], answer.predicted) ? 1 : 0;
    }
    return score;
  }
  double Accuracy(const Respondent& who, uint32_t slice) const {
    return Of(who.tests, stream_.tests, slice).Accuracy();
  }
  double MeanOver(const Respondent& who, const std::vector<uint32_t>& slices) const {
    Mean mean;
    for (const uint32_t slice : slices) mean.Add(Accuracy(who, slice));
    return mean.Value();
  }
  double MeanOverAll(const Respondent& who) const {
    Mean mean;
    for (uint32_t slice = 0; slice < stream_.slices.size(); ++slice) mean.Add(Accuracy(who, slice));
    return mean.Value();
  }
  // Mean over slices of the mean recall over the classes of the slice's test samples.
  double Balanced(const Respondent& who) const {
    Mean mean;
    for (const auto& [slice, answers] : who.tests) {
      std::map<std::string, Score> classes;
      for (const Answer& answer : answers) {
        const StreamItem& item = stream_.tests[slice][answer.at];
        Score& score = classes[stream_.TrueLabel(item)];
        ++score.samples;
        score.correct += Correct(item, answer.predicted) ? 1 : 0;
      }
      Mean recall;
      for (const auto& [label, score] : classes) recall.Add(score.Accuracy());
      mean.Add(recall.Value());
    }
    return mean.Value();
  }

  void Moments(double& anytime, double& worst_old, double& network_worst_old) const {
    Mean mean;
    double worst = kNone;
    network_worst_old = kNone;
    for (const Moment& moment : record_.moments) {
      if (stream_.HasBoundaries()) {
        network_worst_old = std::fmin(network_worst_old, MeanOver(moment.network, moment.ended));
      }
      if (moment.served == 0) continue;
      const Respondent& served = record_.versions[moment.served - 1];
      mean.Add(MeanOver(served, moment.seen));
      if (stream_.HasBoundaries()) worst = std::fmin(worst, MeanOver(served, moment.ended));
    }
    anytime = mean.Value();
    worst_old = worst;
  }

  void PartEnds(double& forgetting, double& transfer) const {
    forgetting = transfer = kNone;
    if (!stream_.HasBoundaries() || record_.part_ends.size() != stream_.parts.size()) return;
    const Respondent& last = record_.part_ends.back();
    Mean forgotten, transferred;
    for (uint32_t slice = 0; slice + 1 < stream_.slices.size(); ++slice) {
      const double end = Accuracy(last, slice);
      double best = kNone;
      for (size_t part = slice; part + 1 < record_.part_ends.size(); ++part) {
        best = std::fmax(best, Accuracy(record_.part_ends[part], slice));
      }
      forgotten.Add(best - end);
      transferred.Add(end - Accuracy(record_.part_ends[slice], slice));
    }
    forgetting = forgotten.Value();
    transfer = transferred.Value();
  }

  double NegativeFlips() const {
    Mean mean;
    for (size_t i = 1; i < record_.versions.size(); ++i) {
      double flips = 0, samples = 0;
      for (const uint32_t slice : record_.versions[i - 1].seen) CountFlips(i, slice, flips, samples);
      mean.Add(samples == 0 ? kNone : flips / samples);
    }
    return mean.Value();
  }

  // Published versions that fell on a slice the one before had seen, by the gate's own rule.
  double Falls(Answers Respondent::*answers, const std::vector<std::vector<StreamItem>>& items) const {
    double falls = 0;
    for (size_t i = 1; i < record_.versions.size(); ++i) {
      const Respondent& before = record_.versions[i - 1];
      falls += std::any_of(before.seen.begin(), before.seen.end(), [&](uint32_t slice) {
        return Fell(Of(before.*answers, items, slice), Of(record_.versions[i].*answers, items, slice));
      });
    }
    return falls;
  }

  double Prequential() const {
    Score score;
    for (const StreamAnswer& answer : record_.stream) {
      ++score.samples;
      score.correct += Correct(answer.item, answer.predicted) ? 1 : 0;
    }
    return score.Accuracy();
  }

 private:
  void CountFlips(size_t version, uint32_t slice, double& flips, double& samples) const {
    const auto before = record_.versions[version - 1].tests.find(slice);
    const auto now = record_.versions[version].tests.find(slice);
    if (before == record_.versions[version - 1].tests.end() || now == record_.versions[version].tests.end()) return;
    for (size_t i = 0; i < now->second.size(); ++i) {
      const StreamItem& item = stream_.tests[slice][now->second[i].at];
      ++samples;
      flips += Correct(item, before->second[i].predicted) && !Correct(item, now->second[i].predicted) ? 1 : 0;
    }
  }
  // More than two points of 1,000 or more samples; of fewer, by the one-sided 95 % bound of the difference.
  static bool Fell(const Score& before, const Score& now) {
    if (before.samples == 0 || now.samples == 0) return false;
    const double p = before.Accuracy(), q = now.Accuracy();
    double drop = p - q;
    if (std::min(before.samples, now.samples) < 1000) {
      drop -= 1.6449 * std::sqrt(p * (1 - p) / before.samples + q * (1 - q) / now.samples);
    }
    return drop > 0.02;
  }

  const ContinualStream& stream_;
  const ContinualRecord& record_;
  std::unordered_map<std::string, uint32_t> number_of_;
};

}  // namespace

const std::vector<std::string>& FigureNames() {
  static const std::vector<std::string> kNames = {"average_accuracy",
                                                  "network_accuracy",
                                                  "instant_accuracy",
                                                  "balanced_accuracy",
                                                  "network_balanced_accuracy",
                                                  "anytime_accuracy",
                                                  "worst_old_accuracy",
                                                  "network_worst_old_accuracy",
                                                  "forgetting",
                                                  "backward_transfer",
                                                  "negative_flip_rate",
                                                  "prequential_accuracy",
                                                  "question_only_accuracy",
                                                  "majority_accuracy",
                                                  "versions_published",
                                                  "refused_candidates",
                                                  "gate_violations",
                                                  "test_falls"};
  return kNames;
}

ContinualFigures ComputeFigures(const ContinualStream& stream, const ContinualRecord& record) {
  const Scorer scorer(stream, record);
  ContinualFigures out;
  auto& values = out.values;
  values["average_accuracy"] = scorer.MeanOverAll(record.served);
  values["network_accuracy"] = scorer.MeanOverAll(record.network);
  values["instant_accuracy"] = scorer.MeanOverAll(record.instant);
  values["balanced_accuracy"] = scorer.Balanced(record.served);
  values["network_balanced_accuracy"] = scorer.Balanced(record.network);
  scorer.Moments(values["anytime_accuracy"], values["worst_old_accuracy"], values["network_worst_old_accuracy"]);
  scorer.PartEnds(values["forgetting"], values["backward_transfer"]);
  values["negative_flip_rate"] = scorer.NegativeFlips();
  values["prequential_accuracy"] = scorer.Prequential();
  for (const auto& [name, who] : record.trivial) values[name + "_accuracy"] = scorer.MeanOverAll(who);
  values["versions_published"] = static_cast<double>(record.versions.size());
  values["refused_candidates"] = static_cast<double>(
      std::count_if(record.moments.begin(), record.moments.end(), [](const Moment& one) { return !one.accepted; }));
  values["gate_violations"] = scorer.Falls(&Respondent::gate, stream.gate);
  values["test_falls"] = scorer.Falls(&Respondent::tests, stream.tests);
  for (uint32_t slice = 0; slice < stream.slices.size(); ++slice) {
    out.per_slice[stream.slices[slice]] = scorer.Accuracy(record.served, slice);
    out.network_per_slice[stream.slices[slice]] = scorer.Accuracy(record.network, slice);
  }
  return out;
}

}  // namespace perennial::bench
