#include "storage/base/env.h"
#include "storage/kv/disk_quota.h"
#include "storage/kv/fault_store.h"
#include "tests/samples/log_fixture.h"

namespace perennial::samples {
namespace {

using State = AppendOutcome::State;

// A log on a store whose writes can be made to fail.
class LogFaultTest : public LogTest {
 protected:
  void SetUp() override {
    options_.held_out_share = 0.3;
    log_ = SampleLog::Open(faulty_, options_, clock_).value();
  }
  kv::FaultStore faulty_{*store_};
};

TEST_F(LogFaultTest, AFailedAppendAcknowledgesNothingAndTheLogGoesOn) {
  AppendOne(MakeSample("1"));
  const SampleLogStats before = log_->Stats();
  faulty_.FailWrites(1, ResourceExhausted("disk full", "free some"));
  std::vector<format::Sample> batch = {MakeSample("2"), format::Sample(), MakeSample("3")};
  batch[0].slice = "new slice";
  batch[2].image = Picture(1);
  const Status failed = log_->Append(batch).status();
  EXPECT_EQ(failed.code(), Code::kResourceExhausted);
  EXPECT_EQ(failed.hint(), "free some");
  EXPECT_EQ(log_->End(), Offset{1});
  EXPECT_EQ(log_->Slices().size(), 1U);
  EXPECT_EQ(log_->Stats().image_blobs, before.image_blobs);
  EXPECT_TRUE(log_->ListQuarantine(0, 10).value().empty());

  const auto outcomes = log_->Append(batch).value();
  EXPECT_EQ(outcomes[0].state, State::kAccepted);
  EXPECT_EQ(outcomes[0].offset, Offset{1});
  EXPECT_EQ(outcomes[1].quarantine_id, 1U);
  EXPECT_EQ(outcomes[2].offset, Offset{2});
  EXPECT_EQ(log_->Read(Offset{2}).value().sample.image, batch[2].image);
}

TEST_F(LogFaultTest, EveryKindOfWriteCanFailAndBeRepeated) {
  AppendOne(MakeSample("1", std::nullopt));
  const auto fail = [&] { faulty_.FailWrites(1, IoError("unplugged")); };
  fail();
  EXPECT_EQ(log_->AppendFlush().status().code(), Code::kIoError);
  EXPECT_EQ(log_->AppendFlush().value(), Offset{1});
  fail();
  EXPECT_EQ(log_->AppendLateLabel("line-1", "1", "x").status().code(), Code::kIoError);
  EXPECT_EQ(log_->Stats().waiting_for_label, 1U);
  EXPECT_EQ(log_->AppendLateLabel("line-1", "1", "x").value(), Offset{2});
  fail();
  EXPECT_FALSE(log_->Quarantine(InvalidArgument("bad"), "", {}).ok());
  EXPECT_EQ(log_->Quarantine(InvalidArgument("bad"), "", {}).value(), 1U);
  fail();
  EXPECT_EQ(log_->DropQuarantine(1).code(), Code::kIoError);
  EXPECT_EQ(log_->Stats().quarantine_entries, 1U);
  EXPECT_TRUE(log_->DropQuarantine(1).ok());
}

TEST_F(LogFaultTest, FailingReadsAreErrorsNotHoles) {
  AppendOne(MakeSample("1"));
  faulty_.FailReads(IoError("bad sector"));
  EXPECT_EQ(log_->Read(Offset{0}).status().code(), Code::kIoError);
  EXPECT_EQ(log_->Append({MakeSample("2")}).status().code(), Code::kIoError);
  faulty_.FailReads(Status::Ok());
  EXPECT_EQ(AppendOne(MakeSample("2")).offset, Offset{1});
}

TEST_F(LogFaultTest, AMissingEntryOrImageIsCorruption) {
  format::Sample sample = MakeSample("1");
  sample.image = Picture(1);
  AppendOne(sample);
  AppendOne(MakeSample("2"));
  kv::WriteBatch batch;
  batch.DeleteRange(store_->FindFamily("samples.blobs").value(), "", std::string(33, '\xff'));
  ASSERT_TRUE(store_->Write(batch, kv::Durability::kSynced).ok());
  EXPECT_EQ(log_->Read(Offset{0}).status().code(), Code::kCorruption);
  EXPECT_TRUE(log_->Read(Offset{1}).ok());
}

TEST(LogOnAFullDisk, NothingAcknowledgedIsLost) {
  const TemporaryFolder folder = TemporaryFolder::Make("log-full").value();
  const auto quota = std::make_shared<kv::DiskQuota>();
  const kv::KvOptions where{.path = folder.path(), .families = SampleLog::Families(), .quota = quota};
  const SystemClock clock;
  auto store = kv::OpenRocks(where).value();
  auto log = SampleLog::Open(*store, {}, clock).value();
  std::vector<std::string> acknowledged;
  for (int round = 0; round < 40; ++round) {
    if (round % 8 == 3) quota->Limit(static_cast<uint64_t>(round) * 300);
    if (round % 8 == 7) quota->Lift();
    std::vector<format::Sample> batch;
    for (int i = 0; i < 4; ++i) {
      batch.push_back(MakeSample(std::to_string(round) + "/" + std::to_string(i)));
      batch.back().image = Picture(static_cast<uint64_t>(round * 4 + i));
    }
    const auto outcomes = log->Append(batch);
    if (!outcomes.ok()) {
      EXPECT_EQ(outcomes.status().code(), Code::kResourceExhausted) << outcomes.status().ToString();
      continue;
    }
    for (const auto& sample : batch) acknowledged.push_back(sample.id);
  }
  EXPECT_GT(acknowledged.size(), 60U);
  EXPECT_LT(acknowledged.size(), 160U);
  log.reset();
  store.reset();
  store = kv::OpenRocks(where).value();
  log = SampleLog::Open(*store, {}, clock).value();
  EXPECT_EQ(log->End().value, acknowledged.size());
  const auto entries = log->ReadRange(Offset{0}, 1000).value();
  for (size_t i = 0; i < entries.size(); ++i) EXPECT_EQ(entries[i].sample.id, acknowledged[i]);
}

}  // namespace
}  // namespace perennial::samples
