#include "trainer/instant_statistics.h"

#include <gtest/gtest.h>

#include <limits>

#include "storage/base/hash.h"
#include "tests/format/mangle.h"
#include "tests/trainer/instant_rows.h"

namespace perennial::trainer {
namespace {

TEST(InstantStatistics, AreTheSumsThatTheySay) {
  const InstantRows data = MakeRows(700, 33, 4, 1);
  const InstantStatistics statistics = StatisticsOf(data, InOrder(0, 700), 64);
  for (int64_t i = 0; i < 33; ++i) {
    for (int64_t j = i; j < 33; ++j) {
      int64_t sum = 0;
      for (int64_t s = 0; s < 700; ++s) {
        sum += static_cast<int64_t>(data.rows[static_cast<size_t>(s * 33 + i)]) *
               static_cast<int64_t>(data.rows[static_cast<size_t>(s * 33 + j)]);
      }
      ASSERT_EQ(statistics.GramRow(i)[j - i], static_cast<double>(sum)) << i << ", " << j;
    }
  }
  int64_t counted = 0;
  for (int64_t c = 0; c < 4; ++c) {
    int64_t sum = 0, count = 0;
    for (int64_t s = 0; s < 700; ++s) {
      if (data.labels[static_cast<size_t>(s)] != c) continue;
      ++count;
      sum += static_cast<int64_t>(data.rows[static_cast<size_t>(s * 33 + 7)]);
    }
    EXPECT_EQ(statistics.LabelSum(c)[7], static_cast<double>(sum));
    EXPECT_EQ(statistics.counts()[static_cast<size_t>(c)], count);
    counted += count;
  }
  EXPECT_EQ(counted, 700);
  EXPECT_EQ(statistics.samples(), 700);
}

TEST(InstantStatistics, OrderAndBatchSizeLeaveNoTrace) {
  // Wide enough for two tiles of the product, enough samples for two blocks.
  const InstantRows data = MakeRows(1200, 600, 5, 2);
  std::vector<int64_t> order = InOrder(0, 1200);
  const std::string expected = StatisticsOf(data, order, 64).Save();
  Rng rng(3);
  for (const int64_t batch : {1, 7, 64, 1200}) {
    for (size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[rng.Below(i)]);
    EXPECT_EQ(Sha256(StatisticsOf(data, order, batch).Save()), Sha256(expected)) << "batches of " << batch;
  }
}

TEST(InstantStatistics, WhatIsRemovedWasNeverThere) {
  const InstantRows data = MakeRows(900, 64, 5, 4);
  const std::string without = StatisticsOf(data, InOrder(0, 600), 10).Save();
  InstantStatistics statistics = StatisticsOf(data, InOrder(0, 900), 64);
  ASSERT_NE(statistics.Save(), without);
  // Backwards, one by one, so that nothing goes as it came.
  for (int64_t i = 899; i >= 600; --i) {
    ASSERT_TRUE(statistics.Remove(data.rows.data() + i * 64, data.labels.data() + i, 1).ok());
  }
  EXPECT_EQ(statistics.Save(), without);
}

TEST(InstantStatistics, RemovalBeforeItsBlockIsMultipliedIsExactToo) {
  const InstantRows data = MakeRows(40, 64, 3, 5);
  InstantStatistics statistics(64);
  ASSERT_TRUE(statistics.Add(data.rows.data(), data.labels.data(), 40).ok());
  ASSERT_TRUE(statistics.Remove(data.rows.data() + 64 * 20, data.labels.data() + 20, 20).ok());
  const InstantStatistics expected = StatisticsOf(data, InOrder(0, 20), 20);
  statistics.Flush();
  for (int64_t i = 0; i < 64; ++i) {
    for (int64_t j = 0; j < 64 - i; ++j) ASSERT_EQ(statistics.GramRow(i)[j], expected.GramRow(i)[j]);
  }
}

TEST(InstantStatistics, RefusesToRemoveMoreThanCameAndChangesNothing) {
  const InstantRows data = MakeRows(30, 16, 3, 6);
  InstantStatistics statistics = StatisticsOf(data, InOrder(0, 30), 30);
  const std::string before = statistics.Save();
  const int64_t unseen = 9;
  EXPECT_EQ(statistics.Remove(data.rows.data(), &unseen, 1).code(), Code::kFailedPrecondition);
  std::vector<int64_t> twice(31, data.labels[0]);
  const InstantRows many = MakeRows(31, 16, 3, 6);
  EXPECT_EQ(statistics.Remove(many.rows.data(), twice.data(), 31).code(), Code::kFailedPrecondition);
  EXPECT_EQ(statistics.Save(), before);
}

TEST(InstantStatistics, RefusesWhatIsNoFeatureAndChangesNothing) {
  const InstantRows data = MakeRows(4, 16, 3, 7);
  InstantStatistics statistics = StatisticsOf(data, InOrder(0, 4), 4);
  const std::string before = statistics.Save();
  for (const float bad : {-1.0f, 127.5f, 128.0f, 0.5f, std::numeric_limits<float>::quiet_NaN()}) {
    InstantRows broken = data;
    broken.rows[50] = bad;
    EXPECT_EQ(statistics.Add(broken.rows.data(), broken.labels.data(), 4).code(), Code::kInvalidArgument) << bad;
  }
  for (const int64_t bad : {int64_t{-1}, kMostInstantLabels}) {
    EXPECT_EQ(statistics.Add(data.rows.data(), &bad, 1).code(), Code::kInvalidArgument) << bad;
  }
  EXPECT_EQ(statistics.Save(), before);
}

TEST(InstantStatistics, ANewLabelGrowsTheSums) {
  const InstantRows data = MakeRows(6, 16, 1, 8);
  InstantStatistics statistics = StatisticsOf(data, InOrder(0, 6), 6);
  EXPECT_EQ(statistics.labels(), 1);
  const int64_t late = 4;
  ASSERT_TRUE(statistics.Add(data.rows.data(), &late, 1).ok());
  EXPECT_EQ(statistics.labels(), 5);
  EXPECT_EQ(statistics.counts(), (std::vector<int64_t>{6, 0, 0, 0, 1}));
  EXPECT_EQ(statistics.LabelSum(4)[3], static_cast<double>(data.rows[3]));
  EXPECT_EQ(statistics.LabelSum(2)[3], 0);
}

TEST(InstantStatistics, MergedPartsAreTheWhole) {
  const InstantRows data = MakeRows(500, 48, 5, 9);
  InstantStatistics first = StatisticsOf(data, InOrder(0, 130), 10);
  InstantStatistics second = StatisticsOf(data, InOrder(130, 500), 64);
  ASSERT_TRUE(first.Merge(second).ok());
  EXPECT_EQ(first.Save(), StatisticsOf(data, InOrder(0, 500), 500).Save());
  InstantStatistics other(47);
  EXPECT_EQ(first.Merge(other).code(), Code::kInvalidArgument);
}

TEST(InstantStatistics, WhatIsSubtractedWasNeverThere) {
  const InstantRows data = MakeRows(500, 48, 5, 9);
  InstantStatistics whole = StatisticsOf(data, InOrder(0, 500), 64);
  const int64_t late = 7;  // a label that nobody else has
  ASSERT_TRUE(whole.Add(data.rows.data(), &late, 1).ok());
  InstantStatistics part = StatisticsOf(data, InOrder(130, 400), 10);
  ASSERT_TRUE(part.Add(data.rows.data(), &late, 1).ok());
  ASSERT_TRUE(whole.Subtract(part).ok());
  std::vector<int64_t> left = InOrder(0, 130);
  for (const int64_t i : InOrder(400, 500)) left.push_back(i);
  const std::string expected = StatisticsOf(data, left, 500).Save();
  EXPECT_EQ(whole.Save(), expected);
  EXPECT_EQ(whole.Subtract(part).code(), Code::kFailedPrecondition) << "once only";
  InstantStatistics other(47);
  EXPECT_EQ(whole.Subtract(other).code(), Code::kInvalidArgument);
  EXPECT_EQ(whole.Save(), expected);
}

TEST(InstantStatistics, TakeNoMoreBytesThanTheyMayAtAnyTime) {
  for (const int64_t width : {1, 3, 40, 600}) {
    const InstantRows data = MakeRows(400, width, 5, 6);
    InstantStatistics statistics(width);
    uint64_t most = 0;
    for (int64_t i = 0; i < data.count(); ++i) {
      ASSERT_TRUE(statistics.Add(data.rows.data() + i * width, data.labels.data() + i, 1).ok());
      most = std::max(most, statistics.bytes());
    }
    EXPECT_LE(most, InstantStatistics::MostBytes(width, 5)) << width;
    EXPECT_GT(most, InstantStatistics::MostBytes(width, 5) * 3 / 4) << width;
  }
}

TEST(InstantStatistics, LoadIsTheInverseOfSave) {
  const InstantRows data = MakeRows(50, 20, 4, 10);
  InstantStatistics statistics = StatisticsOf(data, InOrder(0, 50), 50);
  auto back = InstantStatistics::Load(statistics.Save());
  ASSERT_TRUE(back.ok()) << back.status().ToString();
  EXPECT_EQ(back->Save(), statistics.Save());
  EXPECT_EQ(back->counts(), statistics.counts());
  EXPECT_EQ(back->samples(), 50);
  EXPECT_GE(statistics.bytes(), 20u * 21 / 2 * 8);
}

TEST(InstantStatistics, BytesOfVersionOneStayAsTheyAre) {
  InstantStatistics statistics(2);
  const std::vector<float> rows{1, 2, 127, 100};
  const std::vector<int64_t> labels{0, 2};
  ASSERT_TRUE(statistics.Add(rows.data(), labels.data(), 2).ok());
  // Counts 1 0 1; sums 1 2, 0 0, 127 100; G 1 + 16129, 2 + 12700, 4 + 10000.
  const std::string expected("PIS1\x02\x03\x01\x00\x01\x01\x02\x00\x00\x7f\x64\x82\x7e\x9e\x63\x94\x4e", 21);
  EXPECT_EQ(statistics.Save(), expected);
}

TEST(InstantStatistics, BrokenBytesAreRefused) {
  const InstantRows data = MakeRows(9, 17, 3, 11);
  const std::string bytes = StatisticsOf(data, InOrder(0, 9), 9).Save();
  const auto load = [](const std::string& b) { return InstantStatistics::Load(b); };
  format::ExpectEveryTruncationIsRefused(bytes, load);
  EXPECT_EQ(load(bytes + '\0').status().code(), Code::kCorruption);
  EXPECT_EQ(load("PIS1\xff\xff\xff\xff\x0f\x01").status().code(), Code::kCorruption);
  format::SurvivesRandomDamage(bytes, 12, 5000, load);
}

}  // namespace
}  // namespace perennial::trainer
