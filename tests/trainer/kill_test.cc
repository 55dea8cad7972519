// A training process is killed by SIGKILL at a hundred random points, wherever it is just then, and started again until
// the stream is done. Weights, average, optimiser, random and strategy state, and the replay memory with its stored
// logits (all that Fingerprint covers) must be those of a run that was never killed.
//
// Children are forked without exec: starting LibTorch anew takes half a second. For that the parent must have one
// thread only, so everything with a store or a network runs in a child.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <torch/torch.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

#include "storage/base/env.h"
#include "storage/base/log.h"
#include "storage/base/rng.h"
#include "tests/trainer/logit_strategy.h"
#include "tests/trainer/training_data.h"

namespace perennial::trainer {
namespace {

using testing_support::Hub;
using testing_support::MakeAny;
using testing_support::SmallOptions;
using testing_support::TrainAll;

constexpr int kKills = 100;

// Sends this process SIGKILL after so long, whatever it is doing then.
void KillMeAfter(uint64_t microseconds) {
  sigevent event{};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = SIGKILL;
  timer_t timer{};
  itimerspec when{};
  when.it_value.tv_sec = static_cast<time_t>(microseconds / 1'000'000);
  when.it_value.tv_nsec = static_cast<long>(microseconds % 1'000'000 * 1000 + 1);
  if (::timer_create(CLOCK_MONOTONIC, &event, &timer) != 0 || ::timer_settime(timer, 0, &when, nullptr) != 0) {
    std::abort();
  }
}

// Where a child is to die.
struct Death {
  enum class Kind { kNever, kAnyTime, kAfterAStep, kAtADurableWrite } kind = Kind::kNever;
  uint64_t step = 0;   // kAfterAStep: of this child, from 0; kAtADurableWrite: the point, from 1
  uint64_t delay = 0;  // microseconds
};

Death AnyDeath(Rng& rng) {
  const uint64_t kind = rng.Below(10);
  if (kind < 2) return {Death::Kind::kAnyTime, 0, rng.Below(120'000)};
  if (kind < 4) return {Death::Kind::kAtADurableWrite, 1 + rng.Below(6), 0};
  // Up to a few steps' time, so that forward, backward, the checkpoint's write and what follows it are all hit.
  return {Death::Kind::kAfterAStep, rng.Below(8), rng.Below(12'000)};
}

TrainerOptions KillOptions(const std::string& strategy) {
  TrainerOptions options = SmallOptions();
  options.strategy = strategy;
  options.make_strategy = MakeAny;
  options.augment.noise = 0.05;
  options.replay.capacity_bytes = 6000;  // evictions by both budgets
  options.replay.cache_bytes = 3000;     // some draws read the store
  options.replay.payload = replay::ReplayOptions::Payload::kDeflate;
  options.checkpoint_every_steps = 3;
  options.schedule = {1, 3, 40};  // several steps on a batch at first, one at the end
  return options;
}

// Runs `work` in a forked process; returns its wait status.
int InChild(const std::function<int()>& work) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(work());
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child) return -1;
  return status;
}

int Feed(const std::string& folder, bool forgetting) {
  auto hub = Hub::OnDisk(folder + "/data");
  // So that nothing is erased before the trainer has let go of it.
  if (forgetting && !hub->log().NoteReader("main", Offset{0}).ok()) return 1;
  hub->Feed(0, 60, "base");
  if (forgetting) {
    std::vector<format::Sample> bad;
    for (uint64_t i = 200; i < 230; ++i) {
      bad.push_back(testing_support::MakeSample(i, "base"));
      bad.back().source = "bad";
    }
    if (!hub->log().Append(std::move(bad)).ok()) return 1;
    hub->Feed(120, 133, "base");
    if (!hub->log().Forget("bad", false).ok()) return 1;
  }
  hub->Feed(60, 120, "new");
  return hub->log().AppendFlush().ok() && !testing::Test::HasFailure() ? 0 : 1;
}

// Trains what is in FOLDER/data to its end and leaves the fingerprint in FOLDER/done, or dies on the way.
int Train(const std::string& folder, const std::string& strategy, const Death& death, int64_t instant_width = 0) {
  if (death.kind == Death::Kind::kAnyTime) KillMeAfter(death.delay);
  if (death.kind == Death::Kind::kAtADurableWrite) {
    ::setenv("PERENNIAL_CRASH_AT", std::to_string(death.step).c_str(), 1);
  }
  auto hub = Hub::OnDisk(folder + "/data");
  TrainerOptions options = KillOptions(strategy);
  options.instant_width = instant_width;
  uint64_t steps = 0;
  options.on_step = [&](uint64_t, const std::vector<Offset>&) {
    if (death.kind == Death::Kind::kAfterAStep && steps++ == death.step) KillMeAfter(death.delay);
  };
  auto trainer = hub->OpenTrainer(options);
  if (trainer == nullptr) return 1;
  TrainAll(*trainer, hub->log());
  if (testing::Test::HasFailure() || !trainer->Checkpoint().ok()) return 1;
  const TrainerStatus status = trainer->GetStatus();
  std::ofstream(folder + "/done") << trainer->Fingerprint().Hex() << " " << status.steps << " "
                                  << status.samples_trained << " " << status.replay_bytes << " "
                                  << hub->log().Stats().image_blobs << " " << hub->log().Erasing().value().size();
  return 0;
}

std::string Done(const std::string& folder) {
  std::string line;
  std::ifstream in(folder + "/done");
  std::getline(in, line);
  return line;
}

class TrainerKill : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Strategies, TrainerKill, testing::Values("er", "default", "logits", "logits_refreshed"));

// Kills runs of one stream, again and again, until that happened `kills_wanted` times; each must end as the whole one.
void KillAndCompare(const std::string& strategy, int64_t instant_width, bool forgetting, int kills_wanted) {
  auto root = TemporaryFolder::Make("trainer-kill");
  ASSERT_TRUE(root.ok());
  const std::string fed = root->path() + "/fed";
  std::filesystem::create_directories(fed);
  ASSERT_EQ(InChild([&] { return Feed(fed, forgetting); }), 0);
  const auto copy = [&](const std::string& name) {
    const std::string folder = root->path() + "/" + name;
    std::filesystem::copy(fed, folder, std::filesystem::copy_options::recursive);
    return folder;
  };
  const std::string whole = copy("whole");
  ASSERT_EQ(InChild([&] { return Train(whole, strategy, {}, instant_width); }), 0);
  const std::string expected = Done(whole);
  ASSERT_GT(expected.size(), 64U);
  ASSERT_EQ(expected.back(), '0') << "something is still to be erased";

  Rng rng(strategy.size());
  int kills = 0;
  int most_of_one_run = 0;
  for (int run = 0; kills < kills_wanted; ++run) {
    const std::string folder = copy(std::string("run-").append(std::to_string(run)));
    for (int here = 0;; ++here) {
      const Death death = kills < kills_wanted ? AnyDeath(rng) : Death();
      const int status = InChild([&] { return Train(folder, strategy, death, instant_width); });
      if (status == 0) break;
      ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << "run " << run << " status " << status;
      ++kills;
      most_of_one_run = std::max(most_of_one_run, here + 1);
    }
    EXPECT_EQ(Done(folder), expected) << strategy << ", run " << run;
    std::filesystem::remove_all(folder);
  }
  EXPECT_GE(most_of_one_run, 3) << "no run was killed again after it had resumed";
}

// The hundred are shared among the strategies.
TEST_P(TrainerKill, EndsAsIfItHadNeverBeenKilled) { KillAndCompare(GetParam(), 0, false, kKills / 4); }

// A source is forgotten on the way: instant statistics, memory, counts, and what is erased of the log.
TEST(TrainerKillForget, ForgettingEndsTheSameWhereverItIsKilled) { KillAndCompare("default", 48, true, 40); }

}  // namespace
}  // namespace perennial::trainer

int main(int argc, char** argv) {
  at::set_num_threads(1);
  perennial::log::Configure(perennial::log::Level::kOff, false);
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
