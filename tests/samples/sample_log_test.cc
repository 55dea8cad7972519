#include "storage/samples/sample_log.h"

#include <gmock/gmock.h>

#include "storage/base/thread.h"
#include "tests/samples/log_fixture.h"

namespace perennial::samples {
namespace {

using State = AppendOutcome::State;

class SampleLogTest : public LogTest {};

TEST_F(SampleLogTest, GivesBackWhatWasAppendedWithDefaultsFilledIn) {
  format::Sample sample = MakeSample("1");
  sample.image = Picture(1);
  sample.meta = {{"camera", "left"}};
  const AppendOutcome outcome = AppendOne(sample);
  EXPECT_EQ(outcome.state, State::kAccepted);
  EXPECT_EQ(outcome.offset, Offset{0});
  const Entry entry = log_->Read(outcome.offset).value();
  sample.slice = "default";
  sample.time_us = clock_.WallMicros();
  EXPECT_EQ(entry.sample, sample);
  EXPECT_EQ(entry.kind, EntryKind::kSample);
  EXPECT_EQ(entry.appended_us, clock_.WallMicros());
  EXPECT_TRUE(entry.Trainable());
}

TEST_F(SampleLogTest, OffsetsHaveNoGapsWhateverBecomesOfTheSamples) {
  std::vector<format::Sample> samples = {MakeSample("1"), MakeSample("1"), MakeSample("2"), format::Sample(),
                                         MakeSample("3")};
  const auto outcomes = log_->Append(samples).value();
  EXPECT_EQ(outcomes[0].offset, Offset{0});
  EXPECT_EQ(outcomes[1].state, State::kDuplicate);
  EXPECT_EQ(outcomes[1].offset, Offset{0});
  EXPECT_EQ(outcomes[2].offset, Offset{1});
  EXPECT_EQ(outcomes[3].state, State::kQuarantined);
  EXPECT_EQ(outcomes[4].offset, Offset{2});
  EXPECT_EQ(log_->AppendFlush().value(), Offset{3});
  EXPECT_EQ(log_->End(), Offset{4});
  EXPECT_EQ(log_->ReadRange(Offset{0}, 100).value().size(), 4U);
}

TEST_F(SampleLogTest, FindsDuplicatesBySourceAndIdOverCallsAndReopening) {
  AppendOne(MakeSample("1"));
  format::Sample changed = MakeSample("1");
  changed.text = "another text";
  EXPECT_EQ(AppendOne(changed).state, State::kDuplicate);
  OpenLog();
  EXPECT_EQ(AppendOne(MakeSample("1")).offset, Offset{0});
  format::Sample other_source = MakeSample("1");
  other_source.source = "line-2";
  EXPECT_EQ(AppendOne(other_source).state, State::kAccepted);
  EXPECT_EQ(log_->Stats().duplicates, 2U);
  EXPECT_EQ(log_->Stats().accepted, 2U);
}

TEST_F(SampleLogTest, SourceAndIdDoNotRunIntoEachOther) {
  format::Sample first = MakeSample("bc");
  first.source = "a";
  format::Sample second = MakeSample("c");
  second.source = "ab";
  EXPECT_EQ(AppendOne(first).state, State::kAccepted);
  EXPECT_EQ(AppendOne(second).state, State::kAccepted);
}

TEST_F(SampleLogTest, WithoutAnIdTheContentDecides) {
  format::Sample sample;
  sample.image = Picture(1);
  sample.text = "whole?";
  sample.label = "yes";
  EXPECT_EQ(AppendOne(sample).state, State::kAccepted);
  EXPECT_EQ(AppendOne(sample).state, State::kDuplicate);
  format::Sample other_text = sample;
  other_text.text = "scratched?";
  format::Sample other_label = sample;
  other_label.label = "no";
  format::Sample unlabelled = sample;
  unlabelled.label.reset();
  for (const format::Sample& different : {other_text, other_label, unlabelled}) {
    EXPECT_EQ(AppendOne(different).state, State::kAccepted);
  }
}

TEST_F(SampleLogTest, StoresEqualImagesOnce) {
  const std::string picture = Picture(1);
  std::vector<format::Sample> samples;
  for (const char* id : {"1", "2", "3"}) {
    samples.push_back(MakeSample(id));
    samples.back().image = picture;
  }
  samples[2].image = Picture(2, /*png=*/false);
  ASSERT_TRUE(log_->Append(samples).ok());
  format::Sample later = MakeSample("4");
  later.image = picture;
  AppendOne(later);
  EXPECT_EQ(log_->Stats().image_blobs, 2U);
  const auto entries = log_->ReadRange(Offset{0}, 10).value();
  for (const size_t i : {0, 1, 3}) EXPECT_EQ(entries[i].sample.image, picture);
  EXPECT_EQ(entries[2].sample.image, samples[2].image);
}

TEST_F(SampleLogTest, LateLabelMakesASampleTrainableAtItsOwnOffset) {
  format::Sample waiting = MakeSample("1", std::nullopt);
  waiting.image = Picture(3);
  AppendOne(waiting);
  EXPECT_FALSE(log_->Read(Offset{0}).value().Trainable());
  EXPECT_EQ(log_->Stats().waiting_for_label, 1U);
  AppendOne(MakeSample("2"));
  EXPECT_EQ(log_->AppendLateLabel("line-1", "1", "scratch").value(), Offset{2});
  const Entry entry = log_->Read(Offset{2}).value();
  EXPECT_EQ(entry.kind, EntryKind::kLateLabel);
  EXPECT_EQ(entry.labels, Offset{0});
  EXPECT_EQ(entry.sample.label, "scratch");
  EXPECT_EQ(entry.sample.image, waiting.image);
  EXPECT_TRUE(entry.Trainable());
  EXPECT_FALSE(log_->Read(Offset{0}).value().Trainable());
  EXPECT_EQ(log_->Stats().waiting_for_label, 0U);
  EXPECT_EQ(log_->Stats().trainable, 2U);
}

TEST_F(SampleLogTest, LateLabelIsRefusedWhereItDoesNotBelong) {
  AppendOne(MakeSample("labelled"));
  AppendOne(MakeSample("waiting", std::nullopt));
  EXPECT_EQ(log_->AppendLateLabel("line-1", "unknown", "x").status().code(), Code::kNotFound);
  EXPECT_EQ(log_->AppendLateLabel("line-2", "waiting", "x").status().code(), Code::kNotFound);
  EXPECT_EQ(log_->AppendLateLabel("line-1", "labelled", "x").status().code(), Code::kAlreadyExists);
  EXPECT_EQ(log_->AppendLateLabel("line-1", "", "x").status().code(), Code::kInvalidArgument);
  EXPECT_EQ(log_->AppendLateLabel("line-1", "waiting", "").status().code(), Code::kInvalidArgument);
  EXPECT_EQ(log_->AppendLateLabel("line-1", "waiting", "\xff").status().code(), Code::kInvalidArgument);
  ASSERT_TRUE(log_->AppendLateLabel("line-1", "waiting", "x").ok());
  EXPECT_EQ(log_->AppendLateLabel("line-1", "waiting", "y").status().code(), Code::kAlreadyExists);
  EXPECT_EQ(log_->End(), Offset{3});
}

TEST_F(SampleLogTest, ReadsRangesUpToTheEndAndNothingBeyond) {
  for (const char* id : {"1", "2", "3"}) AppendOne(MakeSample(id));
  EXPECT_EQ(log_->ReadRange(Offset{1}, 1).value().at(0).sample.id, "2");
  EXPECT_EQ(log_->ReadRange(Offset{2}, 10).value().size(), 1U);
  EXPECT_TRUE(log_->ReadRange(Offset{3}, 10).value().empty());
  EXPECT_TRUE(log_->ReadRange(Offset{0}, 0).value().empty());
  EXPECT_EQ(log_->Read(Offset{3}).status().code(), Code::kNotFound);
}

TEST_F(SampleLogTest, ReopeningRestoresEndSlicesCountersAndState) {
  std::vector<format::Sample> samples;
  for (const char* slice : {"wood", "", "metal", "wood"}) {
    samples.push_back(MakeSample(std::to_string(samples.size())));
    samples.back().slice = slice;
  }
  samples.push_back(MakeSample("waiting", std::nullopt));
  samples.emplace_back();
  ASSERT_TRUE(log_->Append(samples).ok());
  AppendOne(MakeSample("0"));
  const SampleLogStats before = log_->Stats();
  OpenLog();
  EXPECT_EQ(log_->End(), Offset{5});
  EXPECT_THAT(log_->Slices(), testing::ElementsAre("wood", "default", "metal"));
  const SampleLogStats after = log_->Stats();
  EXPECT_EQ(after.end, before.end);
  EXPECT_EQ(after.accepted, 5U);
  EXPECT_EQ(after.duplicates, 1U);
  EXPECT_EQ(after.quarantined, 1U);
  EXPECT_EQ(after.waiting_for_label, 1U);
  EXPECT_EQ(after.trainable, 4U);
  EXPECT_EQ(after.quarantine_entries, 1U);
}

TEST_F(SampleLogTest, EmptyAppendDoesNothing) {
  EXPECT_TRUE(log_->Append({}).value().empty());
  EXPECT_EQ(log_->End(), Offset{0});
}

TEST_F(SampleLogTest, WaitPastReturnsWhenTheLogGrowsOrTheDeadlineIsOver) {
  const SystemClock machine;
  EXPECT_FALSE(log_->WaitPast(Offset{0}, machine.Now()));
  bool grew = false;
  {
    Thread waiter("waiter", [&] { grew = log_->WaitPast(Offset{1}, machine.In(std::chrono::seconds(60))); });
    AppendOne(MakeSample("1"));
    AppendOne(MakeSample("2"));
  }
  EXPECT_TRUE(grew);
  EXPECT_TRUE(log_->WaitPast(Offset{1}, machine.Now()));
}

TEST_F(SampleLogTest, OpenRefusesBadOptionsAndStoresWithoutItsFamilies) {
  const auto bare = kv::OpenMemory({"other"});
  EXPECT_EQ(SampleLog::Open(*bare, {}, clock_).status().code(), Code::kInvalidArgument);
  for (const double share : {-0.1, 1.0, std::nan("")}) {
    SampleLogOptions options;
    options.held_out_share = share;
    EXPECT_EQ(SampleLog::Open(*store_, options, clock_).status().code(), Code::kInvalidArgument);
  }
}

TEST_F(SampleLogTest, OpenRefusesALogWhoseCountersDisagreeWithIt) {
  AppendOne(MakeSample("1"));
  kv::WriteBatch batch;
  batch.Put(store_->FindFamily("samples.log").value(), std::string("\0\0\0\0\0\0\0\5", 8), "stray");
  ASSERT_TRUE(store_->Write(batch, kv::Durability::kSynced).ok());
  EXPECT_EQ(SampleLog::Open(*store_, options_, clock_).status().code(), Code::kCorruption);
}

}  // namespace
}  // namespace perennial::samples
