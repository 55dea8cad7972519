#include <gtest/gtest.h>

#include "serving/engine.h"
#include "serving/model/instant_head.h"
#include "serving/model/model.h"
#include "serving/model/quantise.h"
#include "serving/network_predictor.h"

namespace perennial::serving {
namespace {

std::shared_ptr<const format::VersionImage> MakeImage(uint64_t seed, int64_t labels) {
  const auto spec = format::ModelSpec::Preset("tiny");
  EXPECT_TRUE(spec.ok());
  auto network = model::BuildModel(*spec, labels, seed);
  EXPECT_TRUE(network.ok()) << network.status().ToString();
  std::vector<std::string> names;
  for (int64_t i = 0; i < labels; ++i) names.push_back("label-" + std::to_string(i));
  auto outcome = model::Quantise(**network, names, nullptr, 1);
  EXPECT_TRUE(outcome.ok()) << outcome.status().ToString();
  return std::make_shared<const format::VersionImage>(std::move(outcome->image));
}

std::vector<PreparedInput> SomeInputs(const format::ModelSpec& spec) {
  media::Image pixels;
  pixels.width = pixels.height = static_cast<int>(spec.image_size);
  pixels.pixels.assign(static_cast<size_t>(spec.image_size * spec.image_size * 3), 0);
  for (size_t i = 0; i < pixels.pixels.size(); ++i) pixels.pixels[i] = static_cast<uint8_t>(i * 31 % 256);
  return {{pixels, "scratch?"}, {std::nullopt, "how many?"}, {pixels, ""}};
}

TEST(NetworkPredictor, GivesProbabilitiesForEachModality) {
  const auto image = MakeImage(1, 4);
  const auto factory = MakeNetworkFactory();
  const auto predictor = factory->Make(image);
  ASSERT_TRUE(predictor.ok()) << predictor.status().ToString();
  const auto scores = (*predictor)->Predict(SomeInputs(image->spec));
  ASSERT_TRUE(scores.ok()) << scores.status().ToString();
  ASSERT_EQ(scores->size(), 3u);
  for (const Scores& row : *scores) {
    ASSERT_EQ(row.size(), 4u);
    EXPECT_NEAR(row[0] + row[1] + row[2] + row[3], 1.0f, 1e-5f);
  }
}

TEST(NetworkPredictor, ReusedMemoryAnswersExactlyAsAFreshNetwork) {
  const auto first = MakeImage(1, 4);
  const auto second = MakeImage(2, 6);
  const auto inputs = SomeInputs(first->spec);
  const auto fresh = (*MakeNetworkFactory()->Make(second))->Predict(inputs);
  ASSERT_TRUE(fresh.ok());
  const auto factory = MakeNetworkFactory();
  {
    const auto old = factory->Make(first);
    ASSERT_TRUE(old.ok());
    ASSERT_TRUE((*old)->Predict(inputs).ok());
  }
  const auto reused = factory->Make(second);
  ASSERT_TRUE(reused.ok());
  const auto scores = (*reused)->Predict(inputs);
  ASSERT_TRUE(scores.ok());
  EXPECT_EQ(*scores, *fresh);
}

TEST(NetworkPredictor, AVersionThatDoesNotFitIsRefusedAndTheNextOneLoads) {
  const auto good = MakeImage(1, 4);
  auto broken = std::make_shared<format::VersionImage>(*good);
  broken->tensors.pop_back();
  const auto factory = MakeNetworkFactory();
  { ASSERT_TRUE(factory->Make(good).ok()); }
  EXPECT_FALSE(factory->Make(broken).ok());
  EXPECT_TRUE(factory->Make(good).ok());
}

std::shared_ptr<const format::VersionImage> WithInstant(const format::VersionImage& backbone, float blend) {
  format::InstantSpec spec;
  spec.width = 64;
  const size_t labels = backbone.labels.size();
  model::InstantSolution solution;
  solution.features = 64;
  solution.weight.assign(labels * 64, 0);
  solution.bias.assign(labels, 0);
  solution.bias[labels - 1] = 1;  // always the last label
  solution.mean.assign(64, 0);
  auto image =
      model::AttachInstant(backbone, backbone.labels, spec, solution, {0.01f, std::vector<float>(labels, blend), {}});
  EXPECT_TRUE(image.ok()) << image.status().ToString();
  return std::make_shared<const format::VersionImage>(*std::move(image));
}

TEST(NetworkPredictor, BlendsInTheInstantHeadOfAVersion) {
  const auto plain = MakeImage(1, 4);
  const auto inputs = SomeInputs(plain->spec);
  const auto factory = MakeNetworkFactory();
  const auto scores_of = [&](const std::shared_ptr<const format::VersionImage>& image) {
    const auto predictor = factory->Make(image);
    EXPECT_TRUE(predictor.ok()) << predictor.status().ToString();
    return *(*predictor)->Predict(inputs);
  };
  const std::vector<Scores> network = scores_of(plain);
  EXPECT_EQ(scores_of(WithInstant(*plain, 0)), network) << "no weight, no change";
  for (const Scores& row : scores_of(WithInstant(*plain, 1))) EXPECT_NEAR(row[3], 1.0f, 1e-5f);
  const std::vector<Scores> half = scores_of(WithInstant(*plain, 0.5f));
  for (size_t i = 0; i < half.size(); ++i) {
    EXPECT_NEAR(half[i][0], network[i][0] / 2, 1e-5f);
    EXPECT_NEAR(half[i][3], (network[i][3] + 1) / 2, 1e-5f);
  }
  auto broken = std::make_shared<format::VersionImage>(*WithInstant(*plain, 1));
  broken->tensors.pop_back();
  EXPECT_FALSE(factory->Make(broken).ok());
  EXPECT_EQ(scores_of(plain), network) << "the network's memory is as good as new";
}

TEST(EngineWithNetwork, StagesAnswersAndSwaps) {
  const SystemClock clock;
  auto engine = Engine::Start({}, clock);
  ASSERT_TRUE(engine.ok());
  for (uint64_t version = 1; version <= 4; ++version) {
    const auto image = MakeImage(version, 4);
    ASSERT_TRUE((*engine)->Stage({VersionId{version}, image->Root(), image}).ok());
    ASSERT_TRUE((*engine)->Confirm(VersionId{version}).ok());
    InferRequest request;
    request.text = "what is it?";
    const auto answer = (*engine)->Infer(request);
    ASSERT_TRUE(answer.ok()) << answer.status().ToString();
    EXPECT_EQ(answer->version, VersionId{version});
    EXPECT_EQ(answer->top_labels.size(), 4u);
  }
}

TEST(EngineWithNetwork, RefusesAVersionWithNotFiniteWeights) {
  const SystemClock clock;
  auto engine = Engine::Start({}, clock);
  ASSERT_TRUE(engine.ok());
  auto poisoned = std::make_shared<format::VersionImage>(*MakeImage(1, 4));
  for (auto& tensor : poisoned->tensors) {
    // Finite on disk, infinite in the network's sums.
    for (float& value : tensor.values) value = 3e38f;
    for (float& scale : tensor.scales) scale = 1e38f;
  }
  EXPECT_FALSE((*engine)->Stage({VersionId{1}, poisoned->Root(), poisoned}).ok());
  EXPECT_EQ((*engine)->GetStatus().stable, VersionId{});
}

}  // namespace
}  // namespace perennial::serving
