#include "serving/batcher.h"

#include <gtest/gtest.h>

#include <future>
#include <thread>

namespace perennial::serving {
namespace {

constexpr auto kLimit = std::chrono::seconds(20);

// A network that blocks in its first batch until told to go on, and remembers what it ran.
class Gate final : public Predictor {
 public:
  Result<std::vector<Scores>> Predict(const std::vector<PreparedInput>& inputs) const override {
    if (first_.exchange(false)) {
      entered_.set_value();
      (void)go_.get_future().wait_for(kLimit);
    }
    const std::lock_guard lock(mutex_);
    std::vector<std::string> texts;
    std::vector<Scores> out;
    for (const auto& input : inputs) {
      texts.push_back(input.text);
      out.push_back({static_cast<float>(input.text.size())});
    }
    batches_.push_back(texts);
    return out;
  }
  void AwaitFirst() const { EXPECT_EQ(entered_.get_future().wait_for(kLimit), std::future_status::ready); }
  void Open() const { go_.set_value(); }
  std::vector<std::vector<std::string>> batches() const {
    const std::lock_guard lock(mutex_);
    return batches_;
  }

 private:
  mutable std::atomic<bool> first_{true};
  mutable std::promise<void> entered_, go_;
  mutable std::mutex mutex_;
  mutable std::vector<std::vector<std::string>> batches_;
};

ServedPtr Serve(std::shared_ptr<const Predictor> predictor, uint64_t version) {
  auto served = std::make_shared<Served>();
  served->version = VersionId{version};
  served->predictor = std::move(predictor);
  return served;
}

Result<std::vector<Batcher::Outcome>> RunTexts(Batcher& batcher, const ServedPtr& served,
                                               const std::vector<std::string>& texts, Duration limit = kLimit) {
  Batcher::Arrival arrival(batcher);
  std::vector<PreparedInput> inputs;
  for (const auto& text : texts) inputs.push_back({std::nullopt, text});
  return batcher.Run(served, std::move(inputs), std::chrono::steady_clock::now() + limit, arrival);
}

void AwaitDepth(const Batcher& batcher, size_t depth) {
  const auto deadline = std::chrono::steady_clock::now() + kLimit;
  while (batcher.queue_depth() < depth && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  ASSERT_EQ(batcher.queue_depth(), depth);
}

class BatcherTest : public testing::Test {
 protected:
  SystemClock clock_;
  std::atomic<size_t> heard_{0};
  std::function<void(size_t)> listener_ = [this](size_t size) { heard_ += size; };
};

TEST_F(BatcherTest, GivesEachRequestItsOwnScores) {
  Batcher batcher({4, std::chrono::milliseconds(1), 100, 2}, clock_, listener_);
  const auto gate = std::make_shared<Gate>();
  gate->Open();
  const auto served = Serve(gate, 1);
  std::vector<std::thread> clients;
  std::atomic<int> right{0};
  for (size_t c = 1; c <= 8; ++c) {
    clients.emplace_back([&, c] {
      for (int i = 0; i < 50; ++i) {
        const auto out = RunTexts(batcher, served, {std::string(c, 'x')});
        if (out.ok() && out->front().scores.ok() && out->front().scores->front() == static_cast<float>(c)) ++right;
      }
    });
  }
  for (auto& client : clients) client.join();
  EXPECT_EQ(right, 400);
  EXPECT_EQ(heard_, 400u);
}

TEST_F(BatcherTest, BatchesWhatQueuedUpAndNeverMixesVersions) {
  Batcher batcher({3, Duration::zero(), 100, 1}, clock_, listener_);
  const auto gate = std::make_shared<Gate>();
  const auto other = std::make_shared<Gate>();
  other->Open();
  const auto first = Serve(gate, 1);
  const auto second = Serve(other, 2);
  std::vector<std::thread> clients;
  clients.emplace_back([&] { (void)RunTexts(batcher, first, {"start"}); });
  gate->AwaitFirst();
  for (size_t i = 0; i < 8; ++i) {
    clients.emplace_back(
        [&, i] { (void)RunTexts(batcher, i % 2 == 0 ? first : second, {i % 2 == 0 ? "one" : "two"}); });
    AwaitDepth(batcher, i + 1);
  }
  gate->Open();
  for (auto& client : clients) client.join();
  EXPECT_EQ(gate->batches(), (std::vector<std::vector<std::string>>{{"start"}, {"one", "one", "one"}, {"one"}}));
  EXPECT_EQ(other->batches(), (std::vector<std::vector<std::string>>{{"two", "two", "two"}, {"two"}}));
}

TEST_F(BatcherTest, RefusesWhatDoesNotFitTheQueue) {
  Batcher batcher({1, Duration::zero(), 2, 1}, clock_, listener_);
  const auto gate = std::make_shared<Gate>();
  const auto served = Serve(gate, 1);
  std::vector<std::thread> clients;
  clients.emplace_back([&] { (void)RunTexts(batcher, served, {"a"}); });
  gate->AwaitFirst();
  clients.emplace_back([&] { (void)RunTexts(batcher, served, {"b", "c"}); });
  AwaitDepth(batcher, 2);
  EXPECT_EQ(RunTexts(batcher, served, {"d"}).status().code(), Code::kResourceExhausted);
  gate->Open();
  for (auto& client : clients) client.join();
}

TEST_F(BatcherTest, AbandonsRequestsPastTheirDeadline) {
  Batcher batcher({1, Duration::zero(), 10, 1}, clock_, listener_);
  const auto gate = std::make_shared<Gate>();
  const auto served = Serve(gate, 1);
  std::thread client([&] { EXPECT_TRUE(RunTexts(batcher, served, {"a"}).ok()); });
  gate->AwaitFirst();
  EXPECT_EQ(RunTexts(batcher, served, {"late"}, std::chrono::milliseconds(5)).status().code(), Code::kDeadlineExceeded);
  gate->Open();
  client.join();
  EXPECT_TRUE(RunTexts(batcher, served, {"after"}).ok());
  EXPECT_EQ(gate->batches(), (std::vector<std::vector<std::string>>{{"a"}, {"after"}}));
}

TEST_F(BatcherTest, WrongNumberOfScoresIsAnErrorOfTheVersion) {
  class Short final : public Predictor {
    Result<std::vector<Scores>> Predict(const std::vector<PreparedInput>&) const override {
      return std::vector<Scores>();
    }
  };
  Batcher batcher({4, Duration::zero(), 10, 1}, clock_, listener_);
  const auto out = RunTexts(batcher, Serve(std::make_shared<Short>(), 1), {"a"});
  ASSERT_TRUE(out.ok());
  EXPECT_EQ(out->front().scores.status().code(), Code::kInternal);
}

}  // namespace
}  // namespace perennial::serving
