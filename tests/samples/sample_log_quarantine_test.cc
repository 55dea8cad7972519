#include <gmock/gmock.h>

#include "storage/kv/fault_store.h"
#include "tests/samples/log_fixture.h"

namespace perennial::samples {
namespace {

using State = AppendOutcome::State;

class QuarantineTest : public LogTest {};

TEST_F(QuarantineTest, BadSamplesAreKeptWithReasonPointerAndContent) {
  format::Sample truncated = MakeSample("truncated");
  truncated.image = Picture(1);
  truncated.image.resize(truncated.image.size() / 2);
  format::Sample not_utf8 = MakeSample("not utf8");
  not_utf8.text = "\xc3(";
  const auto outcomes =
      log_->Append({MakeSample("good"), truncated, not_utf8}, {"items/0", "items/1", "items/2"}).value();
  EXPECT_EQ(outcomes[0].state, State::kAccepted);
  for (const size_t i : {1, 2}) {
    EXPECT_EQ(outcomes[i].state, State::kQuarantined);
    EXPECT_FALSE(outcomes[i].error.ok());
  }
  OpenLog();
  const auto entries = log_->ListQuarantine(0, 10).value();
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[0].id, outcomes[1].quarantine_id);
  EXPECT_EQ(entries[0].pointer, "items/1");
  EXPECT_EQ(entries[0].sample, truncated);
  EXPECT_TRUE(entries[0].error.message().starts_with("image: ")) << entries[0].error.ToString();
  EXPECT_EQ(entries[1].error.code(), Code::kInvalidArgument);
  EXPECT_EQ(entries[1].error, outcomes[2].error);
  EXPECT_EQ(entries[1].time_us, clock_.WallMicros());
  EXPECT_EQ(log_->Stats().quarantined, 2U);
}

TEST_F(QuarantineTest, AMendedSampleIsAccepted) {
  format::Sample sample = MakeSample("1");
  sample.image = "not a picture";
  EXPECT_EQ(AppendOne(sample).state, State::kQuarantined);
  sample.image = Picture(1);
  EXPECT_EQ(AppendOne(sample).state, State::kAccepted);
}

TEST_F(QuarantineTest, EveryUseOfOneBadImageInABatchIsRefused) {
  std::vector<format::Sample> samples = {MakeSample("1"), MakeSample("2"), MakeSample("3")};
  samples[0].image = samples[2].image = "not a picture";
  const auto outcomes = log_->Append(samples).value();
  EXPECT_EQ(outcomes[0].state, State::kQuarantined);
  EXPECT_EQ(outcomes[1].state, State::kAccepted);
  EXPECT_EQ(outcomes[2].state, State::kQuarantined);
  EXPECT_EQ(outcomes[0].error, outcomes[2].error);
  EXPECT_EQ(log_->Stats().image_blobs, 0U);
}

TEST_F(QuarantineTest, TakesInputThatNeverBecameASample) {
  format::Sample partial;
  partial.source = "feed";
  const uint64_t id = log_->Quarantine(InvalidArgument("not JSON", "see line 17"), "line 17", partial).value();
  const auto entries = log_->ListQuarantine(0, 10).value();
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_EQ(entries[0].id, id);
  EXPECT_EQ(entries[0].error.hint(), "see line 17");
  EXPECT_EQ(entries[0].sample, partial);
  EXPECT_EQ(log_->Quarantine(Status::Ok(), "", {}).status().code(), Code::kInvalidArgument);
}

TEST_F(QuarantineTest, ListsInPagesAndDropsOnce) {
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(log_->Quarantine(InvalidArgument("bad"), std::to_string(i), {}).ok());
  const auto page = log_->ListQuarantine(2, 2).value();
  ASSERT_EQ(page.size(), 2U);
  EXPECT_EQ(page[0].id, 3U);
  EXPECT_EQ(page[1].id, 4U);
  EXPECT_TRUE(log_->DropQuarantine(3).ok());
  EXPECT_EQ(log_->DropQuarantine(3).code(), Code::kNotFound);
  EXPECT_EQ(log_->ListQuarantine(2, 1).value().at(0).id, 4U);
  EXPECT_EQ(log_->Stats().quarantine_entries, 4U);
  EXPECT_EQ(log_->Stats().quarantined, 5U);
}

TEST_F(QuarantineTest, TheOldestGoFirstWhenItIsFull) {
  options_.max_quarantine_entries = 3;
  OpenLog();
  for (int i = 1; i <= 5; ++i) ASSERT_TRUE(log_->Quarantine(InvalidArgument("bad"), std::to_string(i), {}).ok());
  ASSERT_TRUE(log_->DropQuarantine(4).ok());
  std::vector<format::Sample> many(5);
  const auto outcomes = log_->Append(many).value();
  std::vector<uint64_t> ids;
  for (const auto& entry : log_->ListQuarantine(0, 10).value()) ids.push_back(entry.id);
  EXPECT_THAT(ids, testing::ElementsAre(8, 9, 10));
  EXPECT_EQ(outcomes.back().quarantine_id, 10U);
  EXPECT_EQ(log_->Stats().quarantine_entries, 3U);
}

TEST_F(QuarantineTest, TheOldestGoFirstWhenItsBytesAreOverTheBound) {
  options_.max_quarantine_bytes = 10'000;
  OpenLog();
  format::Sample large;
  large.text = std::string(3000, 't');
  std::vector<uint64_t> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(log_->Quarantine(InvalidArgument("bad"), "", large).value());
  const auto kept = [this] {
    std::vector<uint64_t> all;
    for (const auto& entry : log_->ListQuarantine(0, 100).value()) all.push_back(entry.id);
    return all;
  };
  EXPECT_THAT(kept(), testing::ElementsAre(3, 4, 5));
  EXPECT_EQ(log_->Stats().quarantine_entries, 3U);
  EXPECT_GT(log_->Stats().quarantine_bytes, 9000U);
  EXPECT_LE(log_->Stats().quarantine_bytes, 10'000U);

  // Within one batch too; what goes by hand makes room.
  ASSERT_TRUE(log_->DropQuarantine(4).ok());
  std::vector<BadInput> many(6);
  for (BadInput& input : many) input = {InvalidArgument("bad"), "", large};
  ASSERT_TRUE(log_->QuarantineAll(std::move(many)).ok());
  EXPECT_THAT(kept(), testing::ElementsAre(9, 10, 11));
  for (const uint64_t id : kept()) ASSERT_TRUE(log_->DropQuarantine(id).ok());
  EXPECT_EQ(log_->Stats().quarantine_bytes, 0U);
}

TEST_F(QuarantineTest, ALogThatDidNotCountBytesIsAddedUpOnce) {
  const auto meta = store_->FindFamily("samples.meta").value();
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(log_->Quarantine(InvalidArgument("bad"), std::to_string(i), {}).ok());
  const uint64_t counted = log_->Stats().quarantine_bytes;
  // Version 1 of the state: without the bytes and the forgotten samples at its end.
  std::string state = **store_->Get(meta, "state");
  state.resize(state.size() - (counted < 128 ? 1 : 2) - 1);
  state[0] = 1;
  kv::WriteBatch batch;
  batch.Put(meta, "state", state);
  ASSERT_TRUE(store_->Write(batch, kv::Durability::kSynced).ok());
  OpenLog();
  EXPECT_EQ(log_->Stats().quarantine_bytes, counted);
  EXPECT_EQ(log_->Stats().quarantine_entries, 4U);
}

TEST_F(QuarantineTest, ABatchOfBadInputIsOneWrite) {
  kv::FaultStore counting(*store_);
  auto log = SampleLog::Open(counting, options_, clock_).value();
  std::vector<BadInput> many(1000);
  for (BadInput& input : many) input = {InvalidArgument("not JSON"), "", {}};
  const uint64_t before = counting.writes();
  const auto ids = log->QuarantineAll(many).value();
  EXPECT_EQ(counting.writes(), before + 1);
  EXPECT_EQ(ids.size(), 1000U);
  EXPECT_EQ(ids.back(), 1000U);
  EXPECT_EQ(log->Stats().quarantined, 1000U);
  EXPECT_TRUE(log->QuarantineAll({}).value().empty());
  many[7].error = Status::Ok();
  EXPECT_EQ(log->QuarantineAll(many).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(log->Stats().quarantine_entries, 1000U);
}

TEST_F(QuarantineTest, OversizedContentIsNotKept) {
  options_.limits.max_image_bytes = 100;
  OpenLog();
  format::Sample sample = MakeSample("1");
  sample.image = std::string(101, 'x');
  EXPECT_EQ(AppendOne(sample).error.code(), Code::kResourceExhausted);
  EXPECT_TRUE(log_->ListQuarantine(0, 1).value().at(0).sample.image.empty());
}

}  // namespace
}  // namespace perennial::samples
