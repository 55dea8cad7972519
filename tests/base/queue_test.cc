#include "storage/base/queue.h"

#include <gtest/gtest.h>

#include <memory>
#include <numeric>

#include "storage/base/thread.h"

namespace perennial {
namespace {

SteadyTime Past() { return std::chrono::steady_clock::now() - std::chrono::seconds(1); }
SteadyTime Soon() { return std::chrono::steady_clock::now() + std::chrono::milliseconds(5); }
SteadyTime Far() { return std::chrono::steady_clock::now() + std::chrono::seconds(60); }

TEST(BoundedQueue, IsFirstInFirstOutAndBounded) {
  BoundedQueue<int> queue(2);
  int one = 1, two = 2, three = 3;
  EXPECT_TRUE(queue.TryPush(one));
  EXPECT_TRUE(queue.TryPush(two));
  EXPECT_FALSE(queue.TryPush(three));
  EXPECT_EQ(queue.size(), 2U);
  EXPECT_EQ(queue.TryPop(), 1);
  EXPECT_EQ(queue.Pop(Far()), 2);
  EXPECT_EQ(queue.TryPop(), std::nullopt);
}

TEST(BoundedQueue, AnItemThatDoesNotFitIsUntouched) {
  BoundedQueue<std::unique_ptr<int>> queue(1);
  auto first = std::make_unique<int>(1);
  auto second = std::make_unique<int>(2);
  EXPECT_TRUE(queue.TryPush(first));
  EXPECT_FALSE(queue.TryPush(second));
  ASSERT_NE(second, nullptr);
  EXPECT_EQ(*second, 2);
}

TEST(BoundedQueue, WaitsEndAtTheirDeadline) {
  BoundedQueue<int> queue(1);
  EXPECT_EQ(queue.Pop(Past()), std::nullopt);
  EXPECT_EQ(queue.Pop(Soon()), std::nullopt);
  EXPECT_TRUE(queue.Push(1, Past())) << "room needs no wait";
  EXPECT_FALSE(queue.Push(2, Past()));
  EXPECT_FALSE(queue.Push(2, Soon()));
  EXPECT_EQ(queue.Pop(Past()), 1) << "an item needs no wait";
}

TEST(BoundedQueue, ClosingDrainsAndEndsWaits) {
  BoundedQueue<int> queue(4);
  EXPECT_TRUE(queue.Push(1, Far()));
  queue.Close();
  EXPECT_TRUE(queue.closed());
  int two = 2;
  EXPECT_FALSE(queue.TryPush(two));
  EXPECT_FALSE(queue.Push(2, Far()));
  EXPECT_EQ(queue.Pop(Far()), 1);
  EXPECT_EQ(queue.Pop(Far()), std::nullopt);
}

TEST(BoundedQueue, ClosingWakesBothSides) {
  BoundedQueue<int> empty(1), full(1);
  EXPECT_TRUE(full.Push(0, Far()));
  std::optional<int> popped = 5;
  bool pushed = true;
  {
    Thread popper("popper", [&] { popped = empty.Pop(Far()); });
    Thread pusher("pusher", [&] { pushed = full.Push(1, Far()); });
    empty.Close();
    full.Close();
  }
  EXPECT_EQ(popped, std::nullopt);
  EXPECT_FALSE(pushed);
}

TEST(BoundedQueue, PassesEverythingBetweenManyThreads) {
  BoundedQueue<int> queue(3);
  constexpr int kEach = 500;
  std::vector<int> sums(2);
  {
    std::vector<Thread> consumers;
    for (int& sum : sums) {
      consumers.emplace_back("consumer", [&queue, &sum] {
        while (const std::optional<int> item = queue.Pop(Far())) sum += *item;
      });
    }
    {
      std::vector<Thread> producers;
      for (int producer = 0; producer < 3; ++producer) {
        producers.emplace_back("producer", [&queue] {
          for (int i = 1; i <= kEach; ++i) EXPECT_TRUE(queue.Push(i, Far()));
        });
      }
    }
    queue.Close();
  }
  EXPECT_EQ(std::accumulate(sums.begin(), sums.end(), 0), 3 * kEach * (kEach + 1) / 2);
}

}  // namespace
}  // namespace perennial
