#include <atomic>
#include <set>

#include "storage/base/thread.h"
#include "tests/samples/log_fixture.h"

namespace perennial::samples {
namespace {

class LogConcurrencyTest : public LogTest {};

// Two appenders send overlapping samples and images; a reader follows. Each sample must be in the log once, without
// gaps.
TEST_F(LogConcurrencyTest, OverlappingAppendersAcceptEachSampleOnce) {
  constexpr int kSamples = 120;
  std::atomic<uint64_t> accepted{0};
  std::atomic<uint64_t> duplicates{0};
  std::vector<std::string> pictures;
  for (uint64_t i = 0; i < 10; ++i) pictures.push_back(Picture(i));
  auto append = [&](bool forward) {
    for (int at = 0; at < kSamples; at += 6) {
      std::vector<format::Sample> batch;
      for (int i = at; i < at + 6; ++i) {
        batch.push_back(MakeSample(std::to_string(forward ? i : kSamples - 1 - i)));
        batch.back().image = pictures[static_cast<size_t>(i) % pictures.size()];
      }
      const auto outcomes = log_->Append(std::move(batch));
      if (!outcomes.ok()) return;
      for (const auto& outcome : *outcomes) {
        ++(outcome.state == AppendOutcome::State::kAccepted ? accepted : duplicates);
      }
    }
  };
  std::set<std::string> seen;
  {
    Thread first("first", [&] { append(true); });
    Thread second("second", [&] { append(false); });
    const SystemClock machine;
    for (uint64_t next = 0; next < kSamples;) {
      ASSERT_TRUE(log_->WaitPast(Offset{next}, machine.In(std::chrono::seconds(60))));
      const auto entries = log_->ReadRange(Offset{next}, 50).value();
      for (const Entry& entry : entries) {
        EXPECT_EQ(entry.offset, Offset{next++});
        EXPECT_TRUE(seen.insert(entry.sample.id).second);
        EXPECT_FALSE(entry.sample.image.empty());
      }
      EXPECT_GE(log_->Stats().accepted, next);
    }
  }
  EXPECT_EQ(accepted, uint64_t{kSamples});
  EXPECT_EQ(duplicates, uint64_t{kSamples});
  EXPECT_EQ(log_->Stats().image_blobs, pictures.size());
  EXPECT_EQ(log_->Stats().duplicates, uint64_t{kSamples});
}

}  // namespace
}  // namespace perennial::samples
