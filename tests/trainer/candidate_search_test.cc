// What a candidate is made of when the gate refuses the network itself, and which samples it flips. All figures are
// computed again from the images that would ship.
#include <gtest/gtest.h>

#include <set>

#include "serving/model/quantise.h"
#include "tests/trainer/training_data.h"
#include "trainer/evaluator.h"

namespace perennial::trainer {
namespace {

using testing_support::Hub;
using testing_support::MakeSample;
using testing_support::SmallOptions;
using testing_support::TrainAll;

// A network that learned "base" and published it, then only "new", whose labels are others, without replay: it has
// forgotten what it published.
class SearchTest : public ::testing::Test {
 protected:
  void SetUp() override {
    samples::SampleLogOptions log_options;
    log_options.held_out_share = 0.3;
    hub_ = Hub::InMemory(log_options);
    hub_->Feed(1000, 2600, "base");
    ASSERT_TRUE(hub_->log().AppendFlush().ok());
    const uint64_t end_of_base = hub_->log().End().value;
    hub_->Feed(4000, 5600, "new");
    ASSERT_TRUE(hub_->log().AppendFlush().ok());
    options_ = SmallOptions();
    options_.strategy = "naive";
    options_.new_per_step = 10;
    trainer_ = hub_->OpenTrainer(options_);
    while (trainer_->GetStatus().cursor.value < end_of_base) TrainAll(*trainer_, hub_->log(), 1);
    first_ = trainer_->MakeCandidate(nullptr, 1, 0).value();
    ASSERT_GT(first_.report.slices[0].accuracy, 0.6) << first_.report.ToJson();
  }
  std::map<uint64_t, std::string> Answers(const format::VersionImage& image, const std::string& slice) {
    Evaluator evaluator(hub_->log(), {});
    const auto network = model::Instantiate(image, torch::kCPU).value();
    const auto offsets = evaluator.GateOffsets(slice, 0).value();
    Evaluator::Predictions predictions;
    EXPECT_TRUE(evaluator.Predict(*network, offsets, Evaluator::Hide::kNothing, predictions).ok());
    std::map<uint64_t, std::string> answers;
    for (const Offset offset : offsets) {
      const std::string& answer = image.labels.at(static_cast<size_t>(predictions.at(offset.value)));
      answers[offset.value] = answer;
      if (evaluator.TrueLabel(offset).value() == answer) right_[&image].insert(offset.value);
    }
    return answers;
  }

  std::unique_ptr<Hub> hub_;
  TrainerOptions options_;
  std::unique_ptr<OnlineTrainer> trainer_;
  Candidate first_;
  std::map<const format::VersionImage*, std::set<uint64_t>> right_;
};

TEST_F(SearchTest, FindsACandidateThatKeepsTheOldSkillWhereTheNetworkHasLostIt) {
  trainer_->Published(first_, VersionId{1});
  TrainAll(*trainer_, hub_->log());
  const auto second = trainer_->MakeCandidate(&first_.image, 2, 0);
  ASSERT_TRUE(second.ok()) << second.status().ToString();
  ASSERT_TRUE(second->accepted) << second->reason;
  EXPECT_TRUE(second->report.shipped.starts_with("interpolated 0.") ||
              second->report.shipped.find("offset") != std::string::npos)
      << second->report.shipped;
  const SliceMetrics& base = second->report.slices[0];
  const double before = first_.report.slices[0].accuracy;
  const double samples = static_cast<double>(base.gate_samples);
  EXPECT_GT(static_cast<double>(base.gate_correct) / samples, before - 0.02 - 1.6449 * std::sqrt(1 / samples));
  // The network's own figures are there too, and they are those of a network that has forgotten.
  ASSERT_TRUE(second->network.has_value());
  EXPECT_LT(second->network->slices[0].accuracy, before - 0.2) << second->network->ToJson();
  EXPECT_DOUBLE_EQ(second->report.network_accuracy, second->network->average_accuracy);
  // The reported scores are those of the image.
  Answers(second->image, "base");
  EXPECT_EQ(right_[&second->image].size(), base.gate_correct);
}

TEST_F(SearchTest, WithoutInterpolationTheGateRefusesAsBefore) {
  options_.interpolate = false;
  options_.name = "plain";
  auto plain = hub_->OpenTrainer(options_);
  plain->SetPublished(std::make_shared<const format::VersionImage>(first_.image));
  TrainAll(*plain, hub_->log());
  const auto candidate = plain->MakeCandidate(&first_.image, 2, 0);
  ASSERT_TRUE(candidate.ok());
  EXPECT_FALSE(candidate->accepted);
  EXPECT_NE(candidate->reason.find("slice \"base\""), std::string::npos) << candidate->reason;
  EXPECT_FALSE(candidate->network.has_value());
}

TEST_F(SearchTest, ListsTheSamplesThatItsPredecessorHadRight) {
  trainer_->Published(first_, VersionId{1});
  TrainAll(*trainer_, hub_->log(), 40);
  const auto second = trainer_->MakeCandidate(&first_.image, 2, 0);
  ASSERT_TRUE(second.ok());
  const auto old_answers = Answers(first_.image, "base");
  const auto new_answers = Answers(second->image, "base");
  const std::set<uint64_t>& old_right = right_[&first_.image];
  const std::set<uint64_t>& new_right = right_[&second->image];
  std::set<uint64_t> lost;
  uint64_t won = 0;
  for (const auto& [offset, answer] : old_answers) {
    if (old_right.contains(offset) && !new_right.contains(offset)) lost.insert(offset);
    if (!old_right.contains(offset) && new_right.contains(offset)) ++won;
  }
  const FlipReport& flips = second->flips;
  EXPECT_TRUE(flips.known);
  EXPECT_EQ(flips.compared, old_answers.size());
  EXPECT_EQ(flips.lost, lost.size());
  EXPECT_EQ(flips.won, won);
  ASSERT_EQ(flips.listed.size(), lost.size());
  EXPECT_DOUBLE_EQ(second->report.negative_flip_rate,
                   static_cast<double>(lost.size()) / static_cast<double>(old_answers.size()));
  for (const Flip& flip : flips.listed) {
    EXPECT_TRUE(lost.contains(flip.offset));
    EXPECT_EQ(flip.old_answer, old_answers.at(flip.offset));
    EXPECT_EQ(flip.old_answer, flip.true_label);
    EXPECT_EQ(flip.new_answer, new_answers.at(flip.offset));
    EXPECT_EQ(flip.slice, "base");
    EXPECT_EQ(flip.id, hub_->log().Read(Offset{flip.offset}).value().sample.id);
  }
}

TEST_F(SearchTest, TheFirstVersionHasNothingToFlip) {
  EXPECT_FALSE(first_.flips.known);
  EXPECT_TRUE(std::isnan(first_.report.negative_flip_rate));
}

TEST_F(SearchTest, AVersionOfOtherLabelsIsAsGoodAsUnknown) {
  auto other = first_.image;
  std::reverse(other.labels.begin(), other.labels.end());
  trainer_->SetPublished(std::make_shared<const format::VersionImage>(other));
  const auto candidate = trainer_->MakeCandidate(nullptr, 2, 0);
  ASSERT_TRUE(candidate.ok()) << candidate.status().ToString();
  EXPECT_FALSE(candidate->flips.known);
}

}  // namespace
}  // namespace perennial::trainer
