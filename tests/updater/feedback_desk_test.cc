#include "updater/transport/feedback_desk.h"

#include <gtest/gtest.h>

#include <thread>

namespace perennial::transport {
namespace {

SteadyTime In(std::chrono::milliseconds wait) { return std::chrono::steady_clock::now() + wait; }

TEST(FeedbackDesk, CallerGetsTheOutcomeOfItsOwnId) {
  FeedbackDesk desk;
  const uint64_t a = *desk.Open();
  const uint64_t b = *desk.Open();
  std::thread server([&] {
    desk.Settle(b, NotFound("gone"));
    desk.Settle(a, Status::Ok());
    desk.Settle(999, Status::Ok());
  });
  EXPECT_TRUE(desk.Await(a, In(std::chrono::seconds(20))).ok());
  EXPECT_EQ(desk.Await(b, In(std::chrono::seconds(20))).code(), Code::kNotFound);
  server.join();
}

TEST(FeedbackDesk, SilenceIsADeadlineAndALateAnswerIsIgnored) {
  FeedbackDesk desk;
  const uint64_t id = *desk.Open();
  EXPECT_EQ(desk.Await(id, In(std::chrono::milliseconds(1))).code(), Code::kDeadlineExceeded);
  desk.Settle(id, Status::Ok());
  EXPECT_EQ(desk.Await(id, In(std::chrono::milliseconds(1))).code(), Code::kInternal);
}

TEST(FeedbackDesk, CloseFreesEveryWaiter) {
  FeedbackDesk desk;
  const uint64_t id = *desk.Open();
  std::thread closer([&] { desk.Close(); });
  EXPECT_EQ(desk.Await(id, In(std::chrono::seconds(20))).code(), Code::kCancelled);
  closer.join();
  EXPECT_EQ(desk.Open().status().code(), Code::kCancelled);
}

TEST(FeedbackDesk, WaitersAreBounded) {
  FeedbackDesk desk;
  Result<uint64_t> id = desk.Open();
  for (int i = 0; i < 5000 && id.ok(); ++i) id = desk.Open();
  EXPECT_EQ(id.status().code(), Code::kResourceExhausted);
}

}  // namespace
}  // namespace perennial::transport
