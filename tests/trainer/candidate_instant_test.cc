// The instant head in candidates: what the gate judges is what ships. Everything is computed again from the images.
#include <gtest/gtest.h>

#include <algorithm>

#include "serving/model/instant_head.h"
#include "serving/model/quantise.h"
#include "tests/trainer/training_data.h"
#include "trainer/evaluator.h"

namespace perennial::trainer {
namespace {

using testing_support::Hub;
using testing_support::SmallOptions;
using testing_support::TrainAll;

// A network that learns next to nothing, so that what is right is the head's doing.
TrainerOptions SlowNetwork() {
  TrainerOptions options = SmallOptions();
  options.learning_rate = 1e-7;
  options.instant_width = 200;
  return options;
}

std::unique_ptr<Hub> HubWith(uint64_t samples) {
  samples::SampleLogOptions log_options;
  log_options.held_out_share = 0.3;
  auto hub = Hub::InMemory(log_options);
  hub->Feed(0, samples, "base");
  EXPECT_TRUE(hub->log().AppendFlush().ok());
  return hub;
}

uint64_t RightOnGate(Hub& hub, const format::VersionImage& image, bool with_head) {
  Evaluator evaluator(hub.log(), {});
  const auto network = model::Instantiate(image, torch::kCPU).value();
  const auto head = with_head ? model::InstantHead::FromImage(image).value() : nullptr;
  const auto offsets = evaluator.GateOffsets("base", 0).value();
  Evaluator::Predictions answers;
  EXPECT_TRUE(evaluator.Predict(*network, offsets, Evaluator::Hide::kNothing, answers, head.get()).ok());
  return evaluator.ScoreOf(offsets, answers, image.labels).value().counts.correct;
}

TEST(CandidateInstant, TheGateJudgesTheBlendThatShips) {
  auto hub = HubWith(400);
  auto trainer = hub->OpenTrainer(SlowNetwork());
  TrainAll(*trainer, hub->log());
  const auto candidate = trainer->MakeCandidate(nullptr, 1, 0);
  ASSERT_TRUE(candidate.ok()) << candidate.status().ToString();
  ASSERT_TRUE(candidate->image.instant.has_value());
  EXPECT_TRUE(candidate->image.Validate().ok());
  const uint64_t blended = RightOnGate(*hub, candidate->image, true);
  EXPECT_EQ(candidate->report.slices[0].gate_correct, blended);
  EXPECT_GT(blended, RightOnGate(*hub, candidate->image, false) + 10) << "the head is worth nothing here";
}

TEST(CandidateInstant, ThePublishedVersionAnswersWithItsHeadToo) {
  auto hub = HubWith(400);
  TrainerOptions options = SlowNetwork();
  auto trainer = hub->OpenTrainer(options);
  TrainAll(*trainer, hub->log());
  const auto first = trainer->MakeCandidate(nullptr, 1, 0);
  ASSERT_TRUE(first.ok() && first->accepted);
  // The same network without a head is much worse than what is published: refused, and the flips say so.
  options.instant_width = 0;
  options.interpolate = false;
  options.name = "plain";
  auto plain = hub->OpenTrainer(options);
  plain->SetPublished(std::make_shared<const format::VersionImage>(first->image));
  TrainAll(*plain, hub->log());
  const auto second = plain->MakeCandidate(&first->image, 2, 0);
  ASSERT_TRUE(second.ok()) << second.status().ToString();
  EXPECT_FALSE(second->image.instant.has_value());
  EXPECT_FALSE(second->accepted);
  EXPECT_EQ(RightOnGate(*hub, first->image, true) + second->flips.won,
            RightOnGate(*hub, second->image, false) + second->flips.lost);
}

TEST(CandidateInstant, EqualSamplesGiveEqualVersionsAndKeptScales) {
  auto hub = HubWith(200);
  TrainerOptions options = SlowNetwork();
  auto one = hub->OpenTrainer(options);
  TrainAll(*one, hub->log());
  options.name = "again";
  {
    auto part = hub->OpenTrainer(options);
    TrainAll(*part, hub->log(), 5);
    ASSERT_TRUE(part->MakeCandidate(nullptr, 1, 0).ok());
    ASSERT_TRUE(part->Checkpoint().ok());
  }
  auto two = hub->OpenTrainer(options);
  TrainAll(*two, hub->log());
  const auto first = one->MakeCandidate(nullptr, 1, 0);
  const auto second = two->MakeCandidate(nullptr, 1, 0);
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(first->image.Root(), second->image.Root());
  // The next version keeps the scales of the head's codes: a delta is of codes.
  one->Published(*first, VersionId{1});
  const auto third = one->MakeCandidate(&first->image, 2, 0);
  ASSERT_TRUE(third.ok());
  const auto scales = [](const format::VersionImage& image) { return image.tensors[image.NetworkTensors()].scales; };
  EXPECT_EQ(scales(third->image), scales(first->image));
}

TEST(CandidateInstant, AWidthThatCannotBeIsRefused) {
  TrainerOptions options = SlowNetwork();
  options.instant_width = -1;
  EXPECT_EQ(options.Validate().code(), Code::kInvalidArgument);
  options.instant_width = 1 << 20;
  EXPECT_EQ(options.Validate().code(), Code::kInvalidArgument);
  options.instant_width = 0;
  EXPECT_TRUE(options.Validate().ok());
}

}  // namespace
}  // namespace perennial::trainer
