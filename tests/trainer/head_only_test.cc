// The instant head's own cadence: what is published, with a head that knows what came since.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

#include "serving/model/instant_head.h"
#include "serving/model/quantise.h"
#include "storage/base/mutex.h"
#include "tests/trainer/training_data.h"
#include "trainer/evaluator.h"
#include "trainer/service.h"

namespace perennial::trainer {
namespace {

using testing_support::Hub;
using testing_support::MakeSample;
using testing_support::SmallOptions;
using testing_support::Soon;
using testing_support::TrainAll;

constexpr char kNew[] = "never seen before";

// A network that learns next to nothing, so that what is right is the head's doing.
TrainerOptions SlowNetwork() {
  TrainerOptions options = SmallOptions();
  options.learning_rate = 1e-7;
  options.instant_width = 200;
  return options;
}

// A published version of four labels; then samples of a fifth come.
class HeadOnlyTest : public ::testing::Test {
 protected:
  void SetUp() override {
    samples::SampleLogOptions log_options;
    log_options.held_out_share = 0.3;
    hub_ = Hub::InMemory(log_options);
    hub_->Feed(0, 400, "base");
    ASSERT_TRUE(hub_->log().AppendFlush().ok());
    trainer_ = hub_->OpenTrainer(SlowNetwork());
    TrainAll(*trainer_, hub_->log());
    auto first = trainer_->MakeCandidate(nullptr, 1, 0);
    ASSERT_TRUE(first.ok() && first->accepted);
    trainer_->Published(*first, VersionId{1});
    first_ = std::move(first->image);
    before_ = trainer_->GetStatus().samples_trained;
  }

  // So many samples of the new label that are trained on, and those between them that are held out.
  void FeedNew(uint64_t count) {
    for (uint64_t trained = 0; trained < count; ++number_) {
      format::Sample sample = MakeSample(number_, "base");
      sample.text = "new?";
      sample.label = kNew;
      const auto outcomes = hub_->log().Append({std::move(sample)});
      ASSERT_TRUE(outcomes.ok());
      newest_ = outcomes->front().offset;
      trained += hub_->log().Read(newest_)->Trainable() ? 1 : 0;
    }
    fed_ += count;
  }
  // Until all of them are trained on or wait for a full batch.
  void ReadAll() {
    const SteadyTime deadline = Soon();
    for (;;) {
      const TrainerStatus status = trainer_->GetStatus();
      if (status.samples_trained + status.waiting == before_ + fed_) return;
      ASSERT_LT(hub_->clock().Now(), deadline);
      ASSERT_TRUE(trainer_->Step(hub_->clock().In(std::chrono::milliseconds(20))).ok());
    }
  }

  std::unique_ptr<Hub> hub_;
  std::unique_ptr<OnlineTrainer> trainer_;
  format::VersionImage first_;
  uint64_t number_ = 1000, before_ = 0, fed_ = 0;
  Offset newest_;
};

TEST_F(HeadOnlyTest, TheNetworkStaysAndTheNewLabelIsAnswered) {
  FeedNew(12);
  ReadAll();
  EXPECT_TRUE(trainer_->InstantDue(false));
  const auto made = trainer_->MakeInstantCandidate(0);
  ASSERT_TRUE(made.ok()) << made.status().ToString();
  EXPECT_TRUE(made->accepted) << made->reason;
  EXPECT_TRUE(made->report.head_only);
  EXPECT_NE(made->reason.find(kNew), std::string::npos) << made->reason;
  ASSERT_EQ(made->image.labels.size(), first_.labels.size() + 1);
  EXPECT_EQ(model::TrainedLabels(made->image), first_.labels.size());
  for (size_t i = 0; i < first_.NetworkTensors(); ++i) {
    if (first_.tensors[i].name.rfind("head.", 0) == 0) continue;
    EXPECT_EQ(made->image.tensors[i], first_.tensors[i]) << first_.tensors[i].name;
  }
  // As a node would answer.
  const auto network = model::Instantiate(made->image, torch::kCPU).value();
  const auto head = model::InstantHead::FromImage(made->image).value();
  Evaluator evaluator(hub_->log(), {});
  const auto offsets = evaluator.GateOffsets("base", 0).value();
  Evaluator::Predictions answers;
  ASSERT_TRUE(evaluator.Predict(*network, offsets, Evaluator::Hide::kNothing, answers, head.get()).ok());
  EXPECT_EQ(evaluator.ScoreOf(offsets, answers, made->image.labels).value().counts.correct,
            made->report.slices[0].gate_correct)
      << "what was judged is not what ships";
  Evaluator::Predictions own;
  ASSERT_TRUE(evaluator.Predict(*network, {newest_}, Evaluator::Hide::kNothing, own, head.get()).ok());
  EXPECT_EQ(made->image.labels[static_cast<size_t>(own.at(newest_.value))], kNew);
}

TEST_F(HeadOnlyTest, ItIsDueAtTheFirstFewAndWhenTheyDouble) {
  const uint64_t first = SlowNetwork().instant_first;
  EXPECT_FALSE(trainer_->InstantDue(true)) << "nothing came since the version";
  const auto feed = [&](uint64_t count) {
    FeedNew(count);
    ReadAll();
  };
  feed(first - 1);
  EXPECT_FALSE(trainer_->InstantDue(true));
  feed(1);
  EXPECT_TRUE(trainer_->InstantDue(false));
  ASSERT_TRUE(trainer_->MakeInstantCandidate(0).ok());
  EXPECT_FALSE(trainer_->InstantDue(true));
  feed(1);
  EXPECT_TRUE(trainer_->InstantDue(true)) << "nothing else comes";
  EXPECT_FALSE(trainer_->InstantDue(false)) << "more may come at once";
  feed(first - 1);
  EXPECT_TRUE(trainer_->InstantDue(false));
}

TEST_F(HeadOnlyTest, SamplesThatWaitForTheirBatchAreInItAndTheTrainerIsAsItWas) {
  const size_t batch = SlowNetwork().new_per_step;
  FeedNew(2 * batch + batch / 2);  // the last half waits
  ReadAll();
  const Hash256 before = trainer_->Fingerprint();
  const uint64_t trained = trainer_->GetStatus().samples_trained;
  const auto made = trainer_->MakeInstantCandidate(0);
  ASSERT_TRUE(made.ok()) << made.status().ToString();
  EXPECT_EQ(made->report.head_samples, trained + batch / 2);
  EXPECT_EQ(trainer_->Fingerprint(), before);
}

TEST_F(HeadOnlyTest, TheNetworksNextCandidateFollowsIt) {
  FeedNew(12);
  ReadAll();
  const auto head = trainer_->MakeInstantCandidate(0);
  ASSERT_TRUE(head.ok() && head->accepted);
  trainer_->Published(*head, VersionId{2});
  const auto next = trainer_->MakeCandidate(&head->image, 2, 0);
  ASSERT_TRUE(next.ok()) << next.status().ToString();
  EXPECT_FALSE(next->report.head_only);
  EXPECT_EQ(next->image.labels, head->image.labels);
  EXPECT_EQ(model::TrainedLabels(next->image), next->image.labels.size());
  trainer_->Published(*next, VersionId{3});
  EXPECT_FALSE(trainer_->InstantDue(true)) << "the network knows the label now";
}

TEST_F(HeadOnlyTest, WithoutAHeadOrAPublishedVersionThereIsNone) {
  TrainerOptions options = SlowNetwork();
  options.name = "another";
  auto unpublished = hub_->OpenTrainer(options);
  TrainAll(*unpublished, hub_->log());
  EXPECT_FALSE(unpublished->InstantDue(true));
  EXPECT_EQ(unpublished->MakeInstantCandidate(0).status().code(), Code::kFailedPrecondition);
  options.name = "plain";
  options.instant_width = 0;
  auto plain = hub_->OpenTrainer(options);
  EXPECT_FALSE(plain->InstantDue(true));
  EXPECT_EQ(plain->MakeInstantCandidate(0).status().code(), Code::kFailedPrecondition);
}

// Publishes whatever it is offered.
class Sink final : public CandidateSink {
 public:
  bool ReadyForCandidate() override { return true; }
  Result<VersionId> Offer(const Candidate& candidate, bool) override {
    MutexLock lock(mutex_);
    offered_.push_back(candidate);
    changed_.NotifyAll();
    return VersionId{offered_.size()};
  }
  std::shared_ptr<const format::VersionImage> FrozenScales() override { return nullptr; }
  uint64_t NextScaleSet() override { return 1; }
  // The first one of the kind.
  std::optional<Candidate> WaitFor(bool head_only) {
    MutexLock lock(mutex_);
    const SteadyTime deadline = Soon();
    for (;;) {
      for (const Candidate& candidate : offered_) {
        if (candidate.report.head_only == head_only) return candidate;
      }
      if (!changed_.WaitUntil(mutex_, deadline)) return std::nullopt;
    }
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::vector<Candidate> offered_ GUARDED_BY(mutex_);
};

TEST_F(HeadOnlyTest, TheServiceOffersOneBetweenTheNetworksCandidates) {
  TrainerOptions options = SlowNetwork();
  options.name = "served";
  Sink sink;
  ServiceOptions service_options;
  service_options.idle_wait = std::chrono::milliseconds(5);
  auto service = TrainerService::Start(service_options, hub_->OpenTrainer(options), hub_->log(), &sink, hub_->clock());
  ASSERT_TRUE(service.ok());
  ASSERT_TRUE(sink.WaitFor(false)) << "the network's, at the flush";
  // Fewer than a candidate of the network takes, and less than two batches: without a flush they would wait.
  FeedNew(options.instant_first);
  const auto head = sink.WaitFor(true);
  ASSERT_TRUE(head);
  EXPECT_EQ(head->image.labels.back(), kNew);
  ASSERT_TRUE((*service)->Stop().ok());
  const auto history = (*service)->History();
  EXPECT_TRUE(std::any_of(history.begin(), history.end(), [](const EvaluationRecord& record) {
    return record.report.head_only && record.version.value > 0;
  }));
}

}  // namespace
}  // namespace perennial::trainer
