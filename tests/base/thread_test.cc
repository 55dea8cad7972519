#include "storage/base/thread.h"

#include <gtest/gtest.h>

#include <atomic>
#include <pthread.h>
#include <sys/resource.h>

#include "storage/base/mutex.h"

namespace perennial {
namespace {

TEST(Thread, HasItsNameCutToWhatTheKernelTakes) {
  char name[16] = {};
  Thread thread("a-name-longer-than-it-may-be", [&name] { pthread_getname_np(pthread_self(), name, sizeof name); });
  thread.Join();
  EXPECT_STREQ(name, "a-name-longer-t");
  EXPECT_FALSE(thread.joinable());
}

TEST(Thread, JoinsWhenItGoesAndWhenItIsReplaced) {
  std::atomic<int> ran{0};  // both run before the first is joined
  {
    Thread thread("one", [&ran] { ++ran; });
    thread = Thread("two", [&ran] { ran += 10; });
  }
  EXPECT_EQ(ran, 11);
}

TEST(Thread, BackgroundThreadsGiveWay) {
  int nice_value = 0;
  Thread(
      "background", [&nice_value] { nice_value = getpriority(PRIO_PROCESS, 0); }, Thread::Priority::kBackground)
      .Join();
  EXPECT_EQ(nice_value, 19);
}

TEST(CondVar, ReturnsFalseAtTheDeadlineAndTrueWhenNotified) {
  Mutex mutex;
  CondVar condition;
  bool ready = false;
  {
    MutexLock lock(mutex);
    EXPECT_FALSE(condition.WaitUntil(mutex, std::chrono::steady_clock::now() - std::chrono::seconds(1)));
  }
  Thread notifier("notifier", [&] {
    MutexLock lock(mutex);
    ready = true;
    condition.NotifyAll();
  });
  MutexLock lock(mutex);
  const SteadyTime deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!ready) ASSERT_TRUE(condition.WaitUntil(mutex, deadline));
}

}  // namespace
}  // namespace perennial
