#include "serving/model/instant_head.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "storage/base/rng.h"

namespace perennial::model {
namespace {

using format::TensorKind;
using format::VersionImage;

format::InstantSpec SmallSpec() {
  format::InstantSpec spec;
  spec.width = 64;
  spec.seed = 3;
  return spec;
}

// No network that could be built, but a head that can grow.
VersionImage Backbone(int64_t labels) {
  VersionImage image;
  image.spec = *format::ModelSpec::Preset("mlp");
  for (int64_t i = 0; i < labels; ++i) image.labels.push_back("label " + std::to_string(i));
  image.slices = {"default"};
  image.tensors.push_back({"hidden0.weight", TensorKind::kInt8Rows, {2, 3}, {1, 2, 3, 4, 5, 6}, {0.5f, 0.25f}, {}});
  image.tensors.push_back({"head.weight",
                           TensorKind::kFloat32,
                           {labels, 2},
                           {},
                           {},
                           std::vector<float>(static_cast<size_t>(2 * labels), 0.5f)});
  image.tensors.push_back(
      {"head.bias", TensorKind::kFloat32, {labels}, {}, {}, std::vector<float>(static_cast<size_t>(labels), 0.25f)});
  return image;
}

InstantSolution Solution(int64_t labels, uint64_t seed, double size = 1e-3) {
  Rng rng(seed);
  InstantSolution out;
  out.features = SmallSpec().width;
  for (int64_t i = 0; i < labels * out.features; ++i) out.weight.push_back(size * rng.Normal());
  for (int64_t i = 0; i < labels; ++i) out.bias.push_back(0.1 * rng.Normal());
  for (int64_t i = 0; i < out.features; ++i) out.mean.push_back(rng.Uniform(0, 60));
  return out;
}

InstantUse Use(std::vector<float> blend) { return {0.25f, std::move(blend), {}}; }

std::vector<float> SomeFeatures(int64_t rows) {
  Rng rng(8);
  std::vector<float> out;
  for (int64_t i = 0; i < rows * SmallSpec().width; ++i) out.push_back(static_cast<float>(rng.Below(128)));
  return out;
}

// One sample without a picture, its text "a b".
struct OneText {
  std::vector<float> image = std::vector<float>(3 * 28 * 28);
  bool no = false, yes = true;
  std::vector<int64_t> tokens{'a' + 1, ' ' + 1, 'b' + 1};
  FeatureInput View() const { return {1, 28, 3, image.data(), &no, tokens.data(), &yes}; }
};

TEST(InstantHead, ScoresAreTheSolutionsUpToRounding) {
  const InstantSolution solution = Solution(3, 1);
  const auto image = AttachInstant(Backbone(3), Backbone(3).labels, SmallSpec(), solution, Use({1, 1, 1}));
  ASSERT_TRUE(image.ok()) << image.status().ToString();
  const auto head = InstantHead::FromImage(*image);
  ASSERT_TRUE(head.ok()) << head.status().ToString();
  const std::vector<float> features = SomeFeatures(4);
  std::vector<float> scores(12);
  (*head)->Scores(features.data(), 4, scores.data());
  for (size_t i = 0; i < 4; ++i) {
    for (size_t c = 0; c < 3; ++c) {
      double exact = solution.bias[c];
      for (size_t j = 0; j < 64; ++j) {
        exact += solution.weight[c * 64 + j] * (static_cast<double>(features[i * 64 + j]) - solution.mean[j]);
      }
      // 64 roundings of at most half a code of 1/100 of the largest weight, times about 40.
      EXPECT_NEAR(static_cast<double>(scores[i * 3 + c]), exact, 0.02);
    }
  }
}

TEST(InstantHead, TheMeanSampleScoresTheBiasWhateverRoundingDid) {
  InstantSolution solution = Solution(2, 2);
  for (double& value : solution.mean) value = std::floor(value);
  const auto image = AttachInstant(Backbone(2), Backbone(2).labels, SmallSpec(), solution, Use({1, 1}));
  ASSERT_TRUE(image.ok());
  std::vector<float> features(solution.mean.begin(), solution.mean.end()), scores(2);
  (*InstantHead::FromImage(*image))->Scores(features.data(), 1, scores.data());
  for (size_t c = 0; c < 2; ++c) EXPECT_NEAR(static_cast<double>(scores[c]), solution.bias[c], 1e-5);
}

TEST(InstantHead, NetworkTensorsStayToTheBit) {
  const VersionImage backbone = Backbone(3);
  const auto first = AttachInstant(backbone, backbone.labels, SmallSpec(), Solution(3, 3), Use({1, 0, 0.5f}));
  ASSERT_TRUE(first.ok());
  const auto second = AttachInstant(*first, backbone.labels, SmallSpec(), Solution(3, 4), Use({1, 0, 0.5f}));
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(second->NetworkTensors(), backbone.tensors.size());
  EXPECT_EQ(second->tensors.size(), backbone.tensors.size() + 5);
  for (size_t i = 0; i < backbone.tensors.size(); ++i) EXPECT_EQ(second->tensors[i], backbone.tensors[i]);
  EXPECT_NE(first->Root(), second->Root());
}

TEST(InstantHead, ScalesStayWhileTheyFit) {
  const VersionImage backbone = Backbone(2);
  const auto scale = [&](const VersionImage& image) { return image.tensors[image.NetworkTensors()].scales[0]; };
  const auto first = AttachInstant(backbone, backbone.labels, SmallSpec(), Solution(2, 5), Use({1, 1}));
  InstantSolution close = Solution(2, 5), larger = close, smaller = close;
  for (double& value : close.weight) value *= 1.1;
  for (double& value : larger.weight) value *= 3;
  for (double& value : smaller.weight) value *= 0.1;
  EXPECT_EQ(scale(*AttachInstant(*first, backbone.labels, SmallSpec(), close, Use({1, 1}))), scale(*first));
  EXPECT_GT(scale(*AttachInstant(*first, backbone.labels, SmallSpec(), larger, Use({1, 1}))), scale(*first));
  EXPECT_LT(scale(*AttachInstant(*first, backbone.labels, SmallSpec(), smaller, Use({1, 1}))), scale(*first));
}

TEST(InstantHead, ALabelNewToTheNetworkIsTheInstantHeadsAlone) {
  const VersionImage backbone = Backbone(2);
  std::vector<std::string> labels = backbone.labels;
  labels.push_back("new");
  const auto image = AttachInstant(backbone, labels, SmallSpec(), Solution(3, 6), Use({0, 0, 1}));
  ASSERT_TRUE(image.ok()) << image.status().ToString();
  EXPECT_EQ(image->labels, labels);
  EXPECT_EQ(image->tensors[1].values, (std::vector<float>{0.5f, 0.5f, 0.5f, 0.5f, 0, 0}));
  EXPECT_EQ(image->tensors[2].values, (std::vector<float>{0.25f, 0.25f, -10000}));
}

TEST(InstantHead, BlendIsTheFormula) {
  std::vector<float> p{0.5f, 0.3f, 0.2f};
  const std::vector<float> q{0.1f, 0.1f, 0.8f};
  BlendRow(q.data(), {0, 0.5f, 1}, {}, p.data());
  const float sum = 0.5f + 0.2f + 0.8f;
  EXPECT_NEAR(p[0], 0.5f / sum, 1e-6f);
  EXPECT_NEAR(p[1], 0.2f / sum, 1e-6f);
  EXPECT_NEAR(p[2], 0.8f / sum, 1e-6f);
}

// A network that is sure of a known label must not keep a label out that it cannot know.
TEST(InstantHead, ALabelOfTheHeadAloneIsTheHeadsToGive) {
  std::vector<float> p{1, 0, 0};
  const std::vector<float> q{0.2f, 0.1f, 0.7f};
  BlendRow(q.data(), {0, 0, 1}, {}, p.data());
  EXPECT_NEAR(p[0], 0.2f / 0.9f, 1e-6f);
  EXPECT_EQ(p[1], 0);
  EXPECT_NEAR(p[2], 0.7f / 0.9f, 1e-6f);
  // Where all of it is the head's, it is q.
  std::vector<float> given{1, 0.5f, 0};
  BlendRow(q.data(), {1, 1, 1}, {}, given.data());
  for (size_t c = 0; c < 3; ++c) EXPECT_NEAR(given[c], q[c], 1e-6f);
}

TEST(InstantHead, AnOffsetIsOnTheLogarithmOfTheAnswer) {
  InstantUse use = Use({0, 0});
  use.offset = {0, -2};
  const auto image = AttachInstant(Backbone(2), Backbone(2).labels, SmallSpec(), Solution(2, 7), use);
  ASSERT_TRUE(image.ok()) << image.status().ToString();
  const auto head = *InstantHead::FromImage(*image);
  EXPECT_FALSE(head->idle());
  EXPECT_EQ(head->use().offset, use.offset);
  const OneText text;
  std::vector<float> p{0.3f, 0.7f};
  head->BlendInto(text.View(), p.data());
  EXPECT_NEAR(std::log(p[1] / p[0]), std::log(0.7f / 0.3f) - 2, 1e-5f);
  EXPECT_NEAR(p[0] + p[1], 1, 1e-6f);
}

TEST(InstantHead, WithoutWeightNothingChangesAndBrokenStaysBroken) {
  const auto head = [](std::vector<float> blend) {
    return *InstantHead::FromImage(
        *AttachInstant(Backbone(2), Backbone(2).labels, SmallSpec(), Solution(2, 7), Use(std::move(blend))));
  };
  const OneText text;
  std::vector<float> p{0.3f, 0.7f};
  head({0, 0})->BlendInto(text.View(), p.data());
  EXPECT_EQ(p, (std::vector<float>{0.3f, 0.7f}));
  head({1, 1})->BlendInto(text.View(), p.data());
  EXPECT_NEAR(p[0] + p[1], 1, 1e-6f);
  EXPECT_NE(p[0], 0.3f);
  std::vector<float> broken{std::numeric_limits<float>::quiet_NaN(), 0.5f};
  head({0.5f, 0.5f})->BlendInto(text.View(), broken.data());
  EXPECT_TRUE(std::isnan(broken[0]));
}

TEST(InstantHead, AVersionThatDoesNotFitIsRefused) {
  const VersionImage good = *AttachInstant(Backbone(2), Backbone(2).labels, SmallSpec(), Solution(2, 8), Use({1, 1}));
  const auto code = [&](auto&& change) {
    VersionImage image = good;
    change(image);
    return InstantHead::FromImage(image).status().code();
  };
  EXPECT_EQ(code([](VersionImage&) {}), Code::kOk);
  EXPECT_EQ(InstantHead::FromImage(Backbone(2)).status().code(), Code::kFailedPrecondition);
  EXPECT_EQ(code([](VersionImage& i) { i.tensors.pop_back(); }), Code::kCorruption);
  EXPECT_EQ(code([](VersionImage& i) { i.instant->width = 65; }), Code::kCorruption);
  EXPECT_EQ(code([](VersionImage& i) { i.labels.push_back("one more"); }), Code::kCorruption);
  EXPECT_EQ(code([](VersionImage& i) { std::swap(i.tensors[4], i.tensors[5]); }), Code::kCorruption);
  EXPECT_EQ(code([](VersionImage& i) { i.tensors[5].values[0] = 1.5f; }), Code::kCorruption) << "blend";
  EXPECT_EQ(code([](VersionImage& i) { i.tensors[6].values[0] = 0; }), Code::kCorruption) << "temperature";
  EXPECT_EQ(code([](VersionImage& i) { i.tensors[7].values[0] = 31; }), Code::kCorruption) << "offset";
}

TEST(InstantHead, AttachSaysWhatDoesNotFit) {
  const VersionImage backbone = Backbone(2);
  const auto code = [&](const std::vector<std::string>& labels, const InstantSolution& solution, InstantUse use) {
    return AttachInstant(backbone, labels, SmallSpec(), solution, use).status().code();
  };
  EXPECT_EQ(code(backbone.labels, Solution(2, 9), Use({1, 1})), Code::kOk);
  EXPECT_EQ(code({"label 0"}, Solution(1, 9), Use({1})), Code::kInvalidArgument);
  EXPECT_EQ(code({"label 1", "label 0"}, Solution(2, 9), Use({1, 1})), Code::kInvalidArgument);
  EXPECT_EQ(code(backbone.labels, Solution(3, 9), Use({1, 1})), Code::kInvalidArgument);
  EXPECT_EQ(code(backbone.labels, Solution(2, 9), Use({1})), Code::kInvalidArgument);
  EXPECT_EQ(code(backbone.labels, Solution(2, 9), {0, {1, 1}, {}}), Code::kInvalidArgument);
  EXPECT_EQ(code(backbone.labels, Solution(2, 9), {1, {1, 1}, {0}}), Code::kInvalidArgument);
  EXPECT_EQ(code(backbone.labels, Solution(2, 9, std::nan("")), Use({1, 1})), Code::kFailedPrecondition);
}

}  // namespace
}  // namespace perennial::model
