#include "trainer/checkpoint.h"

#include <gtest/gtest.h>

#include "storage/kv/kv_store.h"
#include "tests/trainer/training_data.h"

namespace perennial::trainer {
namespace {

using testing_support::Hub;
using testing_support::SmallOptions;
using testing_support::TrainAll;

Checkpoint ExampleCheckpoint() {
  Checkpoint checkpoint;
  checkpoint.spec_json = "{}";
  checkpoint.strategy = "er";
  checkpoint.optimiser = "sgd";
  checkpoint.position = {Offset{77}, {Offset{40}, Offset{76}}, Offset{90}};
  checkpoint.instant_since = {Offset{30}, {Offset{10}}, Offset{5}};
  checkpoint.forget_owed = true;
  checkpoint.steps = 12;
  checkpoint.batches = 9;
  checkpoint.batch_steps = 5;
  checkpoint.batch_done = 2;
  checkpoint.label_samples = {40, 300};
  checkpoint.samples_trained = 48;
  checkpoint.loss = 0.25;
  checkpoint.newest_sample_us = 5;
  checkpoint.flush_due = true;
  checkpoint.rng = Rng(3).Save();
  checkpoint.labels = {"red", "green"};
  checkpoint.slices = {"base"};
  checkpoint.last_slice = "base";
  checkpoint.published.gate = {{"base", {10, 9}}};
  LearnerState& learner = checkpoint.learner.emplace();
  learner.layout.total = learner.layout.learned = 16;
  learner.layout.segments.push_back({"w", {2, 3}, 0, 6});
  learner.optimiser_steps = 12;
  for (torch::Tensor* tensor : {&learner.weights, &learner.average, &learner.moment1, &learner.moment2}) {
    *tensor = torch::arange(16, torch::kFloat32);
  }
  learner.records = {torch::arange(16, 32, torch::kFloat32)};
  return checkpoint;
}

class CheckpointTest : public ::testing::Test {
 protected:
  void SetUp() override {
    store_ = kv::OpenMemory({std::string(kCheckpointFamily)});
    family_ = store_->FindFamily(kCheckpointFamily).value();
  }
  void Save(const Checkpoint& checkpoint) {
    kv::WriteBatch batch;
    PutCheckpoint(checkpoint, family_, "main", batch);
    ASSERT_TRUE(store_->Write(batch, kv::Durability::kSynced).ok());
  }
  std::unique_ptr<kv::KvStore> store_;
  kv::Family family_;
};

TEST_F(CheckpointTest, ComesBackAsItWasSaved) {
  Save(ExampleCheckpoint());
  const auto loaded = LoadCheckpoint(*store_, family_, "main");
  ASSERT_TRUE(loaded.ok()) << loaded.status().ToString();
  ASSERT_TRUE(loaded->has_value());
  const Checkpoint& back = **loaded;
  EXPECT_EQ(back.position.next, Offset{77});
  EXPECT_EQ(back.position.waiting, ExampleCheckpoint().position.waiting);
  EXPECT_EQ(back.position.begin(), Offset{40});
  EXPECT_EQ(back.position.forgotten_until, Offset{90});
  EXPECT_EQ(back.instant_since.next, Offset{30});
  EXPECT_EQ(back.instant_since.waiting, std::vector<Offset>{Offset{10}});
  EXPECT_TRUE(back.forget_owed);
  ASSERT_EQ(back.learner->records.size(), 1U);
  EXPECT_TRUE(torch::equal(back.learner->records[0], ExampleCheckpoint().learner->records[0]));
  EXPECT_EQ(back.optimiser, "sgd");
  EXPECT_EQ(back.batches, 9U);
  EXPECT_EQ(back.batch_steps, 5U);
  EXPECT_EQ(back.batch_done, 2U);
  EXPECT_EQ(back.label_samples, ExampleCheckpoint().label_samples);
  EXPECT_EQ(back.labels, ExampleCheckpoint().labels);
  EXPECT_EQ(back.published, ExampleCheckpoint().published);
  EXPECT_EQ(back.rng, ExampleCheckpoint().rng);
  EXPECT_TRUE(back.flush_due);
  EXPECT_EQ(back.learner->layout, ExampleCheckpoint().learner->layout);
  EXPECT_TRUE(torch::equal(back.learner->moment2, ExampleCheckpoint().learner->moment2));
}

TEST_F(CheckpointTest, IsAbsentForAnotherTrainer) {
  Save(ExampleCheckpoint());
  const auto loaded = LoadCheckpoint(*store_, family_, "naive");
  ASSERT_TRUE(loaded.ok());
  EXPECT_FALSE(loaded->has_value());
}

TEST_F(CheckpointTest, RefusesTruncationAtEveryByte) {
  Save(ExampleCheckpoint());
  const std::string meta = **store_->Get(family_, "main/meta");
  for (size_t length = 0; length < meta.size(); ++length) {
    kv::WriteBatch batch;
    batch.Put(family_, "main/meta", meta.substr(0, length));
    ASSERT_TRUE(store_->Write(batch, kv::Durability::kSynced).ok());
    EXPECT_FALSE(LoadCheckpoint(*store_, family_, "main").ok()) << length;
  }
}

TEST_F(CheckpointTest, RefusesABufferOfAnotherSizeAndAnotherFormat) {
  Save(ExampleCheckpoint());
  kv::WriteBatch batch;
  batch.Put(family_, "main/moment1", "short");
  ASSERT_TRUE(store_->Write(batch, kv::Durability::kSynced).ok());
  EXPECT_EQ(LoadCheckpoint(*store_, family_, "main").status().code(), Code::kCorruption);
  std::string meta = **store_->Get(family_, "main/meta");
  meta[0] = 9;
  kv::WriteBatch other;
  other.Put(family_, "main/meta", meta);
  ASSERT_TRUE(store_->Write(other, kv::Durability::kSynced).ok());
  EXPECT_EQ(LoadCheckpoint(*store_, family_, "main").status().code(), Code::kFailedPrecondition);
}

TEST_F(CheckpointTest, RefusesCountsThatCannotBe) {
  Checkpoint more_counts = ExampleCheckpoint();
  more_counts.label_samples.push_back(1);
  Save(more_counts);
  EXPECT_EQ(LoadCheckpoint(*store_, family_, "main").status().code(), Code::kCorruption);
  Checkpoint out_of_order = ExampleCheckpoint();
  out_of_order.position.waiting = {Offset{76}, Offset{40}};
  Save(out_of_order);
  EXPECT_EQ(LoadCheckpoint(*store_, family_, "main").status().code(), Code::kCorruption);
  Checkpoint not_read = ExampleCheckpoint();
  not_read.position.waiting = {Offset{77}};
  Save(not_read);
  EXPECT_EQ(LoadCheckpoint(*store_, family_, "main").status().code(), Code::kCorruption);
  Checkpoint none_left = ExampleCheckpoint();
  none_left.batch_done = none_left.batch_steps;
  Save(none_left);
  EXPECT_EQ(LoadCheckpoint(*store_, family_, "main").status().code(), Code::kCorruption);
}

TEST_F(CheckpointTest, WhatIsZeroTakesNoBytesAndNegativeZeroDoes) {
  Checkpoint checkpoint = ExampleCheckpoint();
  checkpoint.learner->moment1 = torch::zeros(16);
  checkpoint.learner->moment2 = torch::full(16, -0.0F);
  Save(checkpoint);
  EXPECT_EQ(store_->Get(family_, "main/moment1")->value(), "");
  const LearnerState back = *LoadCheckpoint(*store_, family_, "main").value()->learner;
  EXPECT_TRUE(torch::equal(back.moment1, torch::zeros(16)));
  EXPECT_TRUE(torch::signbit(back.moment2).all().item<bool>()) << "to the bit";
}

TEST(Resume, RefusesACheckpointOfAnotherNetwork) {
  auto hub = Hub::InMemory();
  hub->Feed(0, 20, "base");
  TrainerOptions options = SmallOptions();
  {
    auto trainer = hub->OpenTrainer(options);
    TrainAll(*trainer, hub->log(), 2);
    ASSERT_TRUE(trainer->Checkpoint().ok());
  }
  options.spec.width = 32;
  const auto reopened = OnlineTrainer::Open(options, hub->log(), hub->store(), hub->clock());
  EXPECT_EQ(reopened.status().code(), Code::kFailedPrecondition);
  EXPECT_FALSE(reopened.status().hint().empty());
}

// Finding: the checkpoint did not name its optimiser.
TEST(Resume, RefusesACheckpointOfAnotherOptimiser) {
  auto hub = Hub::InMemory();
  hub->Feed(0, 20, "base");
  TrainerOptions options = SmallOptions();
  {
    auto trainer = hub->OpenTrainer(options);
    TrainAll(*trainer, hub->log(), 2);
    ASSERT_TRUE(trainer->Checkpoint().ok());
  }
  options.optimiser = "sgd";
  const auto reopened = OnlineTrainer::Open(options, hub->log(), hub->store(), hub->clock());
  EXPECT_EQ(reopened.status().code(), Code::kFailedPrecondition);
  EXPECT_NE(reopened.status().message().find("optimiser adamw, not sgd"), std::string::npos)
      << reopened.status().ToString();
  EXPECT_NE(reopened.status().hint().find("optimiser = \"adamw\""), std::string::npos);
  EXPECT_TRUE(OnlineTrainer::Open(SmallOptions(), hub->log(), hub->store(), hub->clock()).ok());
}

}  // namespace
}  // namespace perennial::trainer
