#include "api/evaluation_journal.h"

#include <gtest/gtest.h>

#include <cmath>

#include "storage/kv/fault_store.h"

namespace perennial::api {
namespace {

EvaluationRecord Record(int64_t time_us, uint64_t trained_until) {
  EvaluationRecord record;
  record.time_us = time_us;
  record.trained_until = trained_until;
  record.accepted = true;
  record.reason = "a new slice";
  record.average_accuracy = 0.5;
  record.backward_transfer = std::nan("");
  record.slices.push_back({.slice = "base", .samples = 4, .accuracy = 0.5, .balanced_accuracy = 0.25});
  return record;
}

TEST(EvaluationJournal, KeepsTheFlipsOfTheNewestVersionsOverARestart) {
  const auto store = kv::OpenMemory(EvaluationJournal::Families());
  FlipList flips{.known = true, .compared = 50, .lost = 1, .won = 0, .negative_flip_rate = 0.02, .listed = {}};
  flips.listed.push_back({5, "id \xff", "base", "good", "good", "scratch"});
  {
    auto journal = EvaluationJournal::Open(*store, 10);
    ASSERT_TRUE(journal.ok());
    (*journal)->PutFlips(VersionId{1}, flips);
    (*journal)->PutFlips(VersionId{2}, FlipList{});
  }
  const auto journal = *EvaluationJournal::Open(*store, 10);
  const auto first = journal->Flips(VersionId{1});
  ASSERT_TRUE(first.ok() && first->has_value());
  EXPECT_EQ((*first)->compared, 50u);
  ASSERT_EQ((*first)->listed.size(), 1u);
  EXPECT_EQ((*first)->listed[0].offset, 5u);
  EXPECT_EQ((*first)->listed[0].new_answer, "scratch");
  EXPECT_FALSE((*journal->Flips(VersionId{2}))->known);
  EXPECT_FALSE(journal->Flips(VersionId{3})->has_value());
  journal->PutFlips(VersionId{1 + EvaluationJournal::kVersionsWithFlips}, FlipList{});
  EXPECT_FALSE(journal->Flips(VersionId{1})->has_value()) << "the oldest go";
}

TEST(EvaluationJournal, ReadsTheRecordsOfAnOlderBuild) {
  const auto record = EvaluationFromJson(
      R"({"time_us":1,"steps":2,"trained_until":3,"version":0,"accepted":true,"reason":"","slices":[]})");
  ASSERT_TRUE(record.ok()) << record.status().ToString();
  EXPECT_EQ(record->shipped, "");
  EXPECT_TRUE(std::isnan(record->negative_flip_rate));
}

TEST(EvaluationJournal, KeepsRecordsOverARestart) {
  const auto store = kv::OpenMemory(EvaluationJournal::Families());
  {
    auto journal = EvaluationJournal::Open(*store, 10);
    ASSERT_TRUE(journal.ok());
    (*journal)->Append("main", Record(1, 100));
    (*journal)->Append("main", Record(2, 200));
    (*journal)->Append("naive", Record(2, 200));
  }
  const auto records = (*EvaluationJournal::Open(*store, 10))->Records();
  ASSERT_EQ(records.at("main").size(), 2u);
  EXPECT_EQ(records.at("naive").size(), 1u);
  const EvaluationRecord& second = records.at("main")[1];
  EXPECT_EQ(second.trained_until, 200u);
  EXPECT_EQ(second.reason, "a new slice");
  EXPECT_TRUE(std::isnan(second.backward_transfer));
  ASSERT_EQ(second.slices.size(), 1u);
  EXPECT_EQ(second.slices[0].balanced_accuracy, 0.25);
}

TEST(EvaluationJournal, TheOldestGoPastTheLimit) {
  const auto store = kv::OpenMemory(EvaluationJournal::Families());
  auto journal = EvaluationJournal::Open(*store, 3);
  for (int i = 0; i < 5; ++i) (*journal)->Append("main", Record(i, static_cast<uint64_t>(i)));
  for (const auto& records : {(*journal)->Records(), (*EvaluationJournal::Open(*store, 3))->Records()}) {
    ASSERT_EQ(records.at("main").size(), 3u);
    EXPECT_EQ(records.at("main")[0].trained_until, 2u);
  }
}

TEST(EvaluationJournal, AClockSetBackNeitherReplacesNorReorders) {
  const auto store = kv::OpenMemory(EvaluationJournal::Families());
  auto journal = EvaluationJournal::Open(*store, 10);
  (*journal)->Append("main", Record(100, 1));
  (*journal)->Append("main", Record(100, 2));
  (*journal)->Append("main", Record(50, 3));
  const auto records = (*EvaluationJournal::Open(*store, 10))->Records();
  ASSERT_EQ(records.at("main").size(), 3u);
  EXPECT_EQ(records.at("main")[2].trained_until, 3u);
}

TEST(EvaluationJournal, AVersionPublishedLaterIsNoted) {
  const auto store = kv::OpenMemory(EvaluationJournal::Families());
  auto journal = EvaluationJournal::Open(*store, 10);
  (*journal)->Append("main", Record(1, 100));
  (*journal)->Append("main", Record(2, 200));
  (*journal)->NotePublished("main", 100, VersionId{7});
  (*journal)->NotePublished("main", 300, VersionId{8});
  const auto records = (*EvaluationJournal::Open(*store, 10))->Records();
  EXPECT_EQ(records.at("main")[0].version, VersionId{7});
  EXPECT_EQ(records.at("main")[1].version, VersionId{});
}

TEST(EvaluationJournal, AFullDiskLosesNoRecordOfThisRun) {
  const auto memory = kv::OpenMemory(EvaluationJournal::Families());
  kv::FaultStore store(*memory);
  auto journal = EvaluationJournal::Open(store, 10);
  store.FailWrites(1, ResourceExhausted("no space left on device"));
  (*journal)->Append("main", Record(1, 100));
  EXPECT_EQ((*journal)->Records().at("main").size(), 1u);
}

TEST(EvaluationJournal, ADamagedRecordIsSkipped) {
  const auto store = kv::OpenMemory(EvaluationJournal::Families());
  (void)(*EvaluationJournal::Open(*store, 10))->Append("main", Record(1, 100));
  kv::WriteBatch batch;
  batch.Put(*store->FindFamily("evaluations"), std::string("main\0bad", 8), "{\"time_us\":");
  ASSERT_TRUE(store->Write(batch, kv::Durability::kSynced).ok());
  auto journal = EvaluationJournal::Open(*store, 10);
  ASSERT_TRUE(journal.ok());
  EXPECT_EQ((*journal)->Records().at("main").size(), 1u);
}

TEST(EvaluationJournal, LetsGoOfTheFlipsOfForgottenSamples) {
  const auto store = kv::OpenMemory(EvaluationJournal::Families());
  const auto journal = std::move(EvaluationJournal::Open(*store, 10)).value();
  FlipList flips;
  flips.known = true;
  flips.lost = 3;
  for (const uint64_t offset : {3, 5, 7}) {
    flips.listed.push_back(
        {.offset = offset, .id = "i", .slice = "s", .true_label = "l", .old_answer = "l", .new_answer = "m"});
  }
  journal->PutFlips(VersionId{1}, flips);
  ASSERT_TRUE(journal->ForgetFlips({Offset{2}, Offset{5}}).ok());
  const FlipList left = *journal->Flips(VersionId{1}).value();
  ASSERT_EQ(left.listed.size(), 2U);
  EXPECT_EQ(left.listed[0].offset, 3U);
  EXPECT_EQ(left.listed[1].offset, 7U);
  EXPECT_EQ(left.lost, 3U);
  // Of an evaluation that was under way.
  journal->PutFlips(VersionId{2}, flips);
  EXPECT_EQ(journal->Flips(VersionId{2}).value()->listed.size(), 2U);
}

}  // namespace
}  // namespace perennial::api
