#include "storage/samples/worker_pool.h"

#include <gtest/gtest.h>

#include <atomic>

namespace perennial::samples {
namespace {

TEST(WorkerPool, CallsEveryRoundOnce) {
  for (const size_t threads : {1, 2, 5}) {
    WorkerPool pool(threads);
    for (const size_t count : {0, 1, 2, 3, 1000}) {
      std::vector<std::atomic<int>> calls(count);
      pool.ForEach(count, [&](size_t i) { ++calls[i]; });
      for (const auto& n : calls) EXPECT_EQ(n, 1);
    }
  }
}

TEST(WorkerPool, ServesSeveralCallersAtOnce) {
  WorkerPool pool(3);
  std::atomic<uint64_t> sum{0};
  {
    std::vector<Thread> callers;
    for (int caller = 0; caller < 4; ++caller) {
      callers.emplace_back("caller", [&] {
        for (int round = 0; round < 100; ++round) pool.ForEach(10, [&](size_t i) { sum += i; });
      });
    }
  }
  EXPECT_EQ(sum, 4U * 100 * 45);
}

}  // namespace
}  // namespace perennial::samples
