#include "trainer/instant_blend.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace perennial::trainer {
namespace {

constexpr std::array<float, 5> kGrid{0, 0.25f, 0.5f, 0.75f, 1};
constexpr double kGainErrors = 0.5;  // standard errors by which a weight must beat none

int64_t ArgMax(const float* row, int64_t labels) { return std::max_element(row, row + labels) - row; }

// Answers with the instant head's scores made probabilities, and the search's state.
class Fitter {
 public:
  Fitter(const HeldOutAnswers& answers, float temperature) : answers_(answers), instant_(answers.instant) {
    model::SoftmaxWithTemperature(instant_.data(), answers.samples(), answers.labels, temperature);
    int64_t slices = 0;
    for (const int64_t slice : answers.slice) slices = std::max(slices, slice + 1);
    slices_.resize(static_cast<size_t>(slices));
    of_label_.assign(static_cast<size_t>(answers.labels), std::vector<uint64_t>(slices_.size()));
    for (int64_t i = 0; i < answers.samples(); ++i) {
      SliceBlend& slice = SliceOf(i);
      ++slice.samples;
      slice.network_correct += Truth(i) == ArgMax(Row(answers_.network, i), answers_.labels) ? 1 : 0;
      slice.instant_correct += Truth(i) == ArgMax(Row(instant_, i), answers_.labels) ? 1 : 0;
      if (Truth(i) >= 0) ++of_label_[static_cast<size_t>(Truth(i))][SliceIndex(i)];
    }
  }

  std::vector<SliceBlend> Run() {
    ChooseAlone();
    // Each round lowers one of at most `slices` weights by one of four steps.
    for (size_t round = 0; round < slices_.size() * kGrid.size(); ++round) {
      Count(Weights());
      if (!LowerForTheWorst()) break;
    }
    Count(Weights());
    return slices_;
  }

  std::vector<float> Weights() const {
    std::vector<float> weights(of_label_.size());
    for (size_t c = 0; c < weights.size(); ++c) {
      if (c < answers_.untrained.size() && answers_.untrained[c]) {
        weights[c] = 1;
        continue;
      }
      double sum = 0, samples = 0;
      for (size_t s = 0; s < slices_.size(); ++s) {
        sum += static_cast<double>(of_label_[c][s]) * static_cast<double>(slices_[s].weight);
        samples += static_cast<double>(of_label_[c][s]);
      }
      weights[c] = samples > 0 ? static_cast<float>(sum / samples) : 0;
    }
    return weights;
  }

 private:
  int64_t Truth(int64_t i) const { return answers_.truth[static_cast<size_t>(i)]; }
  size_t SliceIndex(int64_t i) const { return static_cast<size_t>(answers_.slice[static_cast<size_t>(i)]); }
  SliceBlend& SliceOf(int64_t i) { return slices_[SliceIndex(i)]; }
  const float* Row(const std::vector<float>& values, int64_t i) const { return values.data() + i * answers_.labels; }

  bool Correct(int64_t i, const std::vector<float>& weights) {
    row_.assign(Row(answers_.network, i), Row(answers_.network, i) + answers_.labels);
    model::BlendRow(Row(instant_, i), weights, {}, row_.data());
    return Truth(i) == ArgMax(row_.data(), answers_.labels);
  }

  // Step 1: every slice for itself, its weight on all labels.
  void ChooseAlone() {
    std::vector<std::array<uint64_t, kGrid.size()>> correct(slices_.size());
    for (size_t g = 1; g < kGrid.size(); ++g) {
      const std::vector<float> weights(static_cast<size_t>(answers_.labels), kGrid[g]);
      for (int64_t i = 0; i < answers_.samples(); ++i) correct[SliceIndex(i)][g] += Correct(i, weights) ? 1 : 0;
    }
    for (size_t s = 0; s < slices_.size(); ++s) {
      SliceBlend& slice = slices_[s];
      if (slice.samples == 0) continue;
      size_t best = 1;
      for (size_t g = 2; g < kGrid.size(); ++g) best = correct[s][g] > correct[s][best] ? g : best;
      const auto samples = static_cast<double>(slice.samples);
      const double before = static_cast<double>(slice.network_correct);
      const double error = std::sqrt(before * (samples - before) / samples);
      const double gain = static_cast<double>(correct[s][best]) - before;
      if (gain > std::max(1.0, kGainErrors * error)) slice.weight = kGrid[best];
    }
  }

  void Count(const std::vector<float>& weights) {
    for (SliceBlend& slice : slices_) slice.blended_correct = 0;
    for (int64_t i = 0; i < answers_.samples(); ++i) SliceOf(i).blended_correct += Correct(i, weights) ? 1 : 0;
  }

  bool Share(size_t a, size_t b) const {
    return a == b || std::any_of(of_label_.begin(), of_label_.end(),
                                 [&](const auto& samples) { return samples[a] > 0 && samples[b] > 0; });
  }

  // Step 3. False when no slice is worse than the trained head, or nothing is left to lower.
  bool LowerForTheWorst() {
    for (size_t s = 0; s < slices_.size(); ++s) {
      if (slices_[s].blended_correct >= slices_[s].network_correct) continue;
      SliceBlend* highest = nullptr;
      // Any slice can take answers from this one; those that share a label with it come first.
      for (const bool sharing : {true, false}) {
        for (size_t other = 0; other < slices_.size() && highest == nullptr; ++other) {
          if (slices_[other].weight > 0 && Share(s, other) == sharing) highest = &slices_[other];
        }
        for (size_t other = 0; other < slices_.size() && highest != nullptr; ++other) {
          if (Share(s, other) == sharing && slices_[other].weight > highest->weight) highest = &slices_[other];
        }
        if (highest != nullptr) break;
      }
      if (highest == nullptr) continue;
      highest->weight -= 0.25f;
      return true;
    }
    return false;
  }

  const HeldOutAnswers& answers_;
  std::vector<float> instant_;  // [n, labels] probabilities
  std::vector<SliceBlend> slices_;
  std::vector<std::vector<uint64_t>> of_label_;  // [labels][slices] held-out samples
  std::vector<float> row_;
};

double NegativeLogLikelihood(const HeldOutAnswers& answers, float temperature) {
  double total = 0;
  for (int64_t i = 0; i < answers.samples(); ++i) {
    const int64_t truth = answers.truth[static_cast<size_t>(i)];
    if (truth < 0) continue;
    const float* row = answers.instant.data() + i * answers.labels;
    const auto largest = static_cast<double>(*std::max_element(row, row + answers.labels));
    double sum = 0;
    for (int64_t c = 0; c < answers.labels; ++c) {
      sum += std::exp((static_cast<double>(row[c]) - largest) / static_cast<double>(temperature));
    }
    total += std::log(sum) - (static_cast<double>(row[truth]) - largest) / static_cast<double>(temperature);
  }
  return total;
}

}  // namespace

float FitTemperature(const HeldOutAnswers& answers) {
  const bool any = std::any_of(answers.truth.begin(), answers.truth.end(), [](int64_t truth) { return truth >= 0; });
  if (!any || answers.labels == 0) return 1;
  float best = 1;
  double least = std::numeric_limits<double>::max();
  for (int step = 0; step <= 28; ++step) {  // 2 down to 1/64 in steps of 2^(1/4)
    const float temperature = 2 * std::exp2(-0.25f * static_cast<float>(step));
    const double loss = NegativeLogLikelihood(answers, temperature);
    if (loss < least) {
      least = loss;
      best = temperature;
    }
  }
  return best;
}

BlendFit FitBlend(const HeldOutAnswers& answers) {
  BlendFit fit;
  fit.use.temperature = FitTemperature(answers);
  Fitter fitter(answers, fit.use.temperature);
  fit.slices = fitter.Run();
  fit.use.blend = fitter.Weights();
  return fit;
}

}  // namespace perennial::trainer
