// The trainer is killed by SIGKILL just before and just after every durable write and goes on to the end: its weights
// must be those of a run that was never killed, and no sample may be in two committed steps. The program runs itself as
// the process to kill.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <torch/torch.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "storage/base/env.h"
#include "storage/base/log.h"
#include "tests/trainer/training_data.h"

namespace perennial::trainer {
namespace {

using testing_support::Hub;
using testing_support::SmallOptions;
using testing_support::TrainAll;

std::string program;  // argv[0]

TrainerOptions CrashOptions() {
  TrainerOptions options = SmallOptions();
  options.checkpoint_every_steps = 3;
  options.augment.noise = 0.05;
  return options;
}

// The process to kill: trains what is in FOLDER/data, notes each step in FOLDER/steps, and at the end fingerprint and
// durable points in FOLDER/done.
int TrainInChild(const std::string& folder) {
  auto hub = Hub::OnDisk(folder + "/data");
  TrainerOptions options = CrashOptions();
  const int steps = ::open((folder + "/steps").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  options.on_step = [steps](uint64_t step, const std::vector<Offset>& fresh) {
    std::string line = std::to_string(step);
    for (const Offset offset : fresh) line.append(" ").append(offset.ToString());
    line += "\n";
    if (::write(steps, line.data(), line.size()) < 0) std::abort();  // survives SIGKILL: it is in the kernel
  };
  auto trainer = hub->OpenTrainer(options);
  if (trainer == nullptr) return 1;
  TrainAll(*trainer, hub->log());
  if (!trainer->Checkpoint().ok()) return 1;
  std::ofstream(folder + "/done") << trainer->Fingerprint().Hex() << " " << DurableWritePoints() << "\n";
  ::close(steps);
  return 0;
}

// Runs the child to its end and returns its wait status; `crash_at` 0: count only.
int RunChild(const std::string& folder, uint64_t crash_at) {
  const std::string crash = std::string("PERENNIAL_CRASH_AT=").append(std::to_string(crash_at));
  const pid_t child = ::fork();
  if (child == 0) {
    ::putenv(const_cast<char*>(crash.c_str()));
    ::execl(program.c_str(), program.c_str(), "--train-in", folder.c_str(), nullptr);
    ::_exit(127);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return status;
}

struct Outcome {
  std::string fingerprint;
  uint64_t durable_points = 0;
};

Outcome ReadOutcome(const std::string& folder) {
  Outcome outcome;
  std::ifstream(folder + "/done") >> outcome.fingerprint >> outcome.durable_points;
  return outcome;
}

// Offsets by step; a step noted twice (once before, once after the kill) must have the same ones.
void ExpectNoneTrainedTwice(const std::string& folder) {
  std::map<uint64_t, std::string> by_step;
  std::ifstream in(folder + "/steps");
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    uint64_t step = 0;
    words >> step;
    std::string rest;
    std::getline(words, rest);
    const auto [at, added] = by_step.try_emplace(step, rest);
    if (!added) {
      EXPECT_EQ(at->second, rest) << "step " << step;
    }
  }
  std::map<uint64_t, int> times;
  for (const auto& [step, rest] : by_step) {
    std::istringstream words(rest);
    for (uint64_t offset = 0; words >> offset;) EXPECT_EQ(++times[offset], 1) << "offset " << offset;
  }
  EXPECT_GT(times.size(), 30u);
}

TEST(TrainerCrash, EndsWithTheSameWeightsWhereverItIsKilled) {
  auto root = TemporaryFolder::Make("trainer-crash");
  ASSERT_TRUE(root.ok());
  const std::string fed = root->path() + "/fed";
  {
    std::filesystem::create_directories(fed);
    auto hub = Hub::OnDisk(fed + "/data");
    hub->Feed(0, 30, "base");
    hub->Feed(30, 50, "new");
    ASSERT_TRUE(hub->log().AppendFlush().ok());
  }
  const auto copy = [&](const std::string& name) {
    const std::string folder = root->path() + "/" + name;
    std::filesystem::copy(fed, folder, std::filesystem::copy_options::recursive);
    return folder;
  };
  const std::string whole = copy("whole");
  ASSERT_EQ(RunChild(whole, 0), 0);
  const Outcome expected = ReadOutcome(whole);
  ASSERT_EQ(expected.fingerprint.size(), 64u);

  // Steps, a checkpoint every three of them and one at the end, two points each.
  ASSERT_GE(expected.durable_points, 8u);
  for (uint64_t point = 1; point <= expected.durable_points; ++point) {
    const std::string folder = copy(std::string("at-").append(std::to_string(point)));
    const int status = RunChild(folder, point);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << "point " << point << " status " << status;
    ASSERT_EQ(RunChild(folder, 0), 0) << "resume after a kill at point " << point;
    EXPECT_EQ(ReadOutcome(folder).fingerprint, expected.fingerprint) << "killed at point " << point;
    ExpectNoneTrainedTwice(folder);
    std::filesystem::remove_all(folder);
  }
}

}  // namespace
}  // namespace perennial::trainer

int main(int argc, char** argv) {
  at::set_num_threads(1);
  perennial::log::Configure(perennial::log::Level::kOff, false);
  perennial::trainer::program = std::filesystem::read_symlink("/proc/self/exe").string();
  if (argc == 3 && std::string(argv[1]) == "--train-in") return perennial::trainer::TrainInChild(argv[2]);
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
