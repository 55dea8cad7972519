#include <gmock/gmock.h>

#include <map>
#include <set>

#include "tests/samples/log_fixture.h"

namespace perennial::samples {
namespace {

using HeldOut = SampleLog::HeldOut;

class HeldOutTest : public LogTest {
 protected:
  void SetUp() override {
    options_.held_out_share = 0.2;
    OpenLog();
  }
};

TEST_F(HeldOutTest, DrawsAboutTheShareAndTheSameOnesForTheSameSeed) {
  std::vector<format::Sample> samples;
  for (int i = 0; i < 2000; ++i) {
    samples.push_back(MakeSample(std::to_string(i)));
    samples.back().group = "g" + samples.back().id;
  }
  ASSERT_TRUE(log_->Append(samples).ok());
  const auto first = log_->HeldOutOffsets("default").value();
  EXPECT_GT(first.size(), 320U);
  EXPECT_LT(first.size(), 480U);
  EXPECT_TRUE(std::is_sorted(first.begin(), first.end()));

  const auto other_store = kv::OpenMemory(SampleLog::Families());
  const auto same_seed = SampleLog::Open(*other_store, options_, clock_).value();
  ASSERT_TRUE(same_seed->Append(samples).ok());
  EXPECT_EQ(same_seed->HeldOutOffsets("default").value(), first);

  options_.seed = 2;
  const auto third_store = kv::OpenMemory(SampleLog::Families());
  const auto other_seed = SampleLog::Open(*third_store, options_, clock_).value();
  ASSERT_TRUE(other_seed->Append(samples).ok());
  EXPECT_NE(other_seed->HeldOutOffsets("default").value(), first);
}

TEST_F(HeldOutTest, AGroupIsHeldOutWholeOrNotAtAll) {
  std::vector<format::Sample> samples;
  for (int i = 0; i < 600; ++i) {
    samples.push_back(MakeSample(std::to_string(i)));
    switch (i % 3) {
      case 0:
        samples.back().group = "group " + std::to_string(i / 3 % 40);
        break;
      case 1:
        samples.back().image = Picture(static_cast<uint64_t>(i / 3 % 40));
        break;
      default:
        samples.back().text = "question " + std::to_string(i / 3 % 40);
    }
  }
  ASSERT_TRUE(log_->Append(samples).ok());
  std::map<std::string, std::set<bool>> states;
  size_t held_out = 0;
  for (const Entry& entry : log_->ReadRange(Offset{0}, 600).value()) {
    const format::Sample& sample = entry.sample;
    const std::string group = !sample.group.empty() ? sample.group : !sample.image.empty() ? sample.image : sample.text;
    states[group].insert(entry.held_out);
    held_out += entry.held_out ? 1 : 0;
  }
  EXPECT_EQ(states.size(), 120U);
  for (const auto& [group, seen] : states) EXPECT_EQ(seen.size(), 1U);
  EXPECT_GT(held_out, 30U);
  EXPECT_EQ(log_->Stats().held_out, held_out);
  EXPECT_EQ(log_->Stats().held_out + log_->Stats().trainable, 600U);
}

TEST_F(HeldOutTest, TestPartIsAlwaysHeldOutAndToldFromTheDrawnShare) {
  std::vector<format::Sample> samples;
  for (int i = 0; i < 300; ++i) {
    samples.push_back(MakeSample(std::to_string(i)));
    if (i < 100) samples.back().part = format::Part::kTest;
    samples.back().slice = i % 2 == 0 ? "wood" : "metal";
  }
  ASSERT_TRUE(log_->Append(samples).ok());
  for (const char* slice : {"wood", "metal"}) {
    const auto test_part = log_->HeldOutOffsets(slice, HeldOut::kTestPart).value();
    const auto drawn = log_->HeldOutOffsets(slice, HeldOut::kDrawn).value();
    EXPECT_EQ(test_part.size(), 50U);
    EXPECT_GT(drawn.size(), 5U);
    EXPECT_EQ(log_->HeldOutOffsets(slice).value().size(), test_part.size() + drawn.size());
    for (const Offset offset : test_part) EXPECT_LT(offset.value, 100U);
    for (const Offset offset : drawn) {
      const Entry entry = log_->Read(offset).value();
      EXPECT_FALSE(entry.Trainable());
      EXPECT_EQ(entry.sample.slice, slice);
      EXPECT_EQ(entry.sample.part, format::Part::kTrain);
    }
  }
  EXPECT_TRUE(log_->HeldOutOffsets("unknown").value().empty());
}

TEST_F(HeldOutTest, UnlabelledHeldOutSampleIsIndexedByItsLateLabel) {
  format::Sample sample = MakeSample("1", std::nullopt);
  sample.part = format::Part::kTest;
  AppendOne(sample);
  EXPECT_TRUE(log_->HeldOutOffsets("default").value().empty());
  const Offset label = log_->AppendLateLabel("line-1", "1", "x").value();
  EXPECT_THAT(log_->HeldOutOffsets("default", HeldOut::kTestPart).value(), testing::ElementsAre(label));
  const Entry entry = log_->Read(label).value();
  EXPECT_TRUE(entry.held_out);
  EXPECT_FALSE(entry.Trainable());
  EXPECT_EQ(entry.sample.label, "x");
  EXPECT_EQ(log_->Stats().held_out, 1U);
}

TEST_F(HeldOutTest, ALogKeepsItsDraw) {
  AppendOne(MakeSample("1"));
  options_.held_out_share = 0.5;
  const Status other_share = SampleLog::Open(*store_, options_, clock_).status();
  EXPECT_EQ(other_share.code(), Code::kFailedPrecondition);
  EXPECT_FALSE(other_share.hint().empty());
}

}  // namespace
}  // namespace perennial::samples
