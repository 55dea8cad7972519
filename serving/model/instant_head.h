#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "serving/model/instant_solution.h"
#include "serving/model/random_features.h"
#include "storage/base/status.h"
#include "storage/format/instant_spec.h"
#include "storage/format/version_image.h"

namespace perennial::model {

// Of an instant head's offsets, either way: beyond, a factor says nothing that a float can hold.
inline constexpr float kLargestInstantOffset = 30;

// The bias of a network's label that it was not trained on: a logit whose softmax is exactly 0.
inline constexpr float kNeverWins = -10000;

// How the instant head's answers are used, fitted on held-out samples (trainer/instant_blend.h).
struct InstantUse {
  float temperature = 1;     // p_instant = softmax(score / temperature), > 0
  std::vector<float> blend;  // g_c per label in [0, 1]: its share in the answer
  // o_c per label, added to the logarithm of the blended answer; empty: zeros. What is new is let in by it step by
  // step.
  std::vector<float> offset;
};

// What a node holds of the closed-form head: a spec from which it draws the features, int8 weights, a few floats per
// label. Scores come from integer sums, so every node gives the same ones bit for bit. Format: instant_head.md.
// Immutable; everything may run on several threads at once. No LibTorch.
class InstantHead {
 public:
  // kFailedPrecondition without an instant section; kCorruption when its tensors do not fit spec and labels.
  static Result<std::shared_ptr<const InstantHead>> FromImage(const format::VersionImage& image);

  int64_t labels() const { return static_cast<int64_t>(bias_.size()); }
  const RandomFeatures& features() const { return features_; }
  const InstantUse& use() const { return use_; }

  // features: [batch, D] as RandomFeatures::Extract writes them; out: [batch, labels].
  void Scores(const float* features, int64_t batch, float* out) const;
  // probabilities: [batch, labels] of the trained head, changed in place to
  //   p_c ~ exp(o_c) ((1 - g_c) p_c + g_c p_instant_c), normalised; for labels unknown to the network see BlendRow.
  // With all g_c = 0 and o_c = 0 nothing is computed and nothing changes. Values that are not finite stay so, for the
  // caller to see. REQUIRES input.side == features().options().image_size.
  void BlendInto(const FeatureInput& input, float* probabilities) const;
  // The same for a caller who has the input's features already: [batch, D] as RandomFeatures::Extract writes them.
  void BlendFeatures(const float* features, int64_t batch, float* probabilities) const;
  // Whether all g_c and o_c are 0: the network answers alone.
  bool idle() const { return idle_; }
  // Memory it takes on a node.
  uint64_t bytes() const;

 private:
  InstantHead(RandomFeatures features, const format::VersionImage& image);

  const RandomFeatures features_;
  std::vector<int8_t> codes_;  // [labels, D]
  std::vector<float> scales_;  // [labels]
  std::vector<float> bias_;    // [labels]
  InstantUse use_;
  std::vector<float> factor_;  // exp(o_c)
  bool idle_ = false;          // all blend weights and offsets are 0
};

// p: [rows, labels] scores, in place: softmax(score / temperature).
void SoftmaxWithTemperature(float* p, int64_t rows, int64_t labels, float temperature);

// f r per label, normalised; in place in `p`. All [labels]; f = exp(offset), empty: ones; r = (1 - g) p + g q. With
// labels that the network does not know (p = 0, g = 1) the others' r is scaled so that their largest is the largest of
// their q: the head says whether it is one of the unknown ones, both say which of the others. Unscaled, a network that
// is sure of the wrong label could not be contradicted.
void BlendRow(const float* q, const std::vector<float>& blend, const std::vector<float>& factor, float* p);

// The factors of `use` for BlendRow; empty where it has no offsets.
std::vector<float> BlendFactors(const InstantUse& use);

// The version `backbone` with this instant head, its network's tensors untouched: the delta to `backbone` (or to
// another version with the same backbone) holds little but the head. An instant head that `backbone` has is replaced.
//   solution, use: for labels.size() labels, which must start with backbone's. For labels that are new to the network
// its head gets rows that never win (weights 0, bias -10,000): until it is trained on them they are the instant head's
// alone.
//   weights become int8 with a scale per row; the scale is that of `backbone`'s instant head where spec and label are
// the same and it still fits, so that codes stay comparable. The bias absorbs what rounding does to the mean score.
// kInvalidArgument when sizes do not fit.
Result<format::VersionImage> AttachInstant(const format::VersionImage& backbone, const std::vector<std::string>& labels,
                                           const format::InstantSpec& spec, const InstantSolution& solution,
                                           const InstantUse& use);

// The network of `version` alone, with rows that never win for the labels that it lacks. kInvalidArgument when `labels`
// does not start with its own.
Result<format::VersionImage> NetworkWithLabels(const format::VersionImage& version,
                                               const std::vector<std::string>& labels);
// How many of a version's labels, from the first on, its network was trained on: the rest have rows that never win.
size_t TrainedLabels(const format::VersionImage& version);

// The options of the features that a version's instant head reads.
RandomFeatureOptions FeatureOptions(const format::InstantSpec& spec, const format::ModelSpec& network);

}  // namespace perennial::model
