// The program on a small data set, and its dump against its printed figures.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "tests/bench/pictures.h"

namespace perennial::bench {
namespace {

struct Ran {
  int code = -1;
  std::string output;
};

Ran Run(const std::string& command) {
  Ran ran;
  FILE* pipe = ::popen((command + " </dev/null").c_str(), "r");
  if (pipe == nullptr) return ran;
  std::array<char, 4096> block;
  for (size_t got; (got = std::fread(block.data(), 1, block.size(), pipe)) > 0;) ran.output.append(block.data(), got);
  const int status = ::pclose(pipe);
  ran.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return ran;
}

Ran Bench(const std::string& arguments) { return Run(std::string(PERENNIAL_BENCH) + " continual " + arguments); }
Ran Recompute(const std::string& folder) {
  return Run(std::string(PERENNIAL_PYTHON) + " " + PERENNIAL_SOURCE_DIR + "/scripts/recompute_continual.py " + folder);
}

PictureFolder FourClasses() {
  PictureFolder folder;
  int number = 0;
  for (const char* name : {"pit hole", "it's", "10", "9"}) {
    folder.WriteClass("train", name, number, 40 + 15 * number);
    folder.WriteClass("test", name, number, 12);
    ++number;
  }
  return folder;
}

TEST(ContinualProgram, EveryFigureFollowsFromTheDump) {
  const PictureFolder data = FourClasses();
  const TemporaryFolder dump = *TemporaryFolder::Make("bench-dump");
  const Ran ran = Bench("--dataset folder --data " + data.path() + " --protocol split --strategy er --buffer 40 " +
                        "--seeds 2 --seed 3 --label-noise 0.1 --json --dump " + dump.path());
  ASSERT_EQ(ran.code, 0) << ran.output;
  auto printed = nlohmann::json::parse(ran.output, nullptr, false);
  ASSERT_TRUE(printed.is_object()) << ran.output;
  EXPECT_EQ(printed["gate_violations"], 0.0);
  EXPECT_TRUE(printed["instant_accuracy"].is_null());
  EXPECT_EQ(printed["seeds"], 2);
  EXPECT_EQ(printed["per_slice"].size(), 2u);
  EXPECT_GT(printed["average_accuracy"], 0.0);
  const Ran same = Recompute(dump.path());
  EXPECT_EQ(same.code, 0) << same.output;
  EXPECT_NE(same.output.find(" 0 differ"), std::string::npos) << same.output;

  printed["forgetting"] = printed["forgetting"].get<double>() + 1e-6;
  std::ofstream(dump.path() + "/continual.json") << printed.dump();
  const Ran other = Recompute(dump.path());
  EXPECT_EQ(other.code, 1);
  EXPECT_NE(other.output.find("forgetting"), std::string::npos) << other.output;
}

TEST(ContinualProgram, WithAnInstantHeadEveryFigureFollowsToo) {
  const PictureFolder data = FourClasses();
  const TemporaryFolder dump = *TemporaryFolder::Make("bench-dump");
  const Ran ran = Bench("--data " + data.path() + " --strategy instant --instant-width 100 --buffer 40 --seeds 1 " +
                        "--versions 4 --json --dump " + dump.path());
  ASSERT_EQ(ran.code, 0) << ran.output;
  const auto printed = nlohmann::json::parse(ran.output, nullptr, false);
  ASSERT_TRUE(printed.is_object()) << ran.output;
  EXPECT_EQ(printed["strategy"], "instant");
  EXPECT_EQ(printed["instant_width"], 100);
  EXPECT_TRUE(printed["instant_accuracy"].is_number());
  EXPECT_GT(printed["buffer_bytes"], 4.0 * 100 * 100);
  const Ran same = Recompute(dump.path());
  EXPECT_EQ(same.code, 0) << same.output;
}

TEST(ContinualProgram, ABudgetOfBytesHoldsForReplayMemoryAndInstantHeadTogether) {
  const PictureFolder data = FourClasses();
  const std::string common = "--data " + data.path() + " --strategy instant --seeds 1 --versions 4 --json ";
  const Ran ran = Bench(common + "--buffer-bytes 30000");
  ASSERT_EQ(ran.code, 0) << ran.output;
  const auto printed = nlohmann::json::parse(ran.output, nullptr, false);
  ASSERT_TRUE(printed.is_object()) << ran.output;
  EXPECT_EQ(printed["instant_width"], 50);
  EXPECT_LE(printed["buffer_bytes"], 30000);
  EXPECT_GT(printed["buffer_bytes"], 4.0 * 50 * 50);
  const Ran full = Bench(common + "--buffer-bytes 30000 --instant-width 100 2>&1");
  EXPECT_NE(full.code, 0);
  EXPECT_NE(full.output.find("leaves none for the replay memory"), std::string::npos) << full.output;
}

TEST(ContinualProgram, TheCommandItPrintsGivesTheSameFigures) {
  const PictureFolder data = FourClasses();
  const Ran ran = Bench("--data " + data.path() + " --protocol blurry --strategy er --buffer 40 --seeds 1 --json");
  ASSERT_EQ(ran.code, 0) << ran.output;
  const auto first = nlohmann::json::parse(ran.output, nullptr, false);
  std::string command = first["command"];
  const std::string head = "perennial bench continual ";
  ASSERT_EQ(command.rfind(head, 0), 0u) << command;
  const auto second = nlohmann::json::parse(Bench(command.substr(head.size())).output, nullptr, false);
  ASSERT_TRUE(second.is_object());
  for (const char* key : {"average_accuracy", "network_accuracy", "anytime_accuracy", "forgetting", "per_slice",
                          "versions_published", "config_hash", "command"}) {
    EXPECT_EQ(first[key], second[key]) << key;
  }
}

TEST(ContinualProgram, OneClassRunsAndBadInputIsAnError) {
  PictureFolder one;
  one.WriteClass("train", "only", 1, 30);
  one.WriteClass("test", "only", 1, 5);
  const Ran ran = Bench("--data " + one.path() + " --strategy er --seeds 1 --json");
  ASSERT_EQ(ran.code, 0) << ran.output;
  const auto printed = nlohmann::json::parse(ran.output, nullptr, false);
  EXPECT_EQ(printed["average_accuracy"], 1.0);
  EXPECT_TRUE(printed["forgetting"].is_null());

  const PictureFolder empty;
  EXPECT_EQ(Bench("--json --data " + empty.path() + " 2>/dev/null").code, 1);
  EXPECT_EQ(Bench("--json --strategy instant --instant-width -3 --data " + one.path() + " 2>/dev/null").code, 1);
  EXPECT_EQ(Bench("--json --strategy er_acce --data " + one.path() + " 2>/dev/null").code, 1);
  EXPECT_EQ(Recompute(empty.path() + " 2>/dev/null").code, 2);
}

}  // namespace
}  // namespace perennial::bench
