#include <gtest/gtest.h>

#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <string>

#include "api/cli/exit_code.h"

namespace perennial::cli {
namespace {

struct Ran {
  int code = -1;
  std::string output;  // both streams
};

Ran RunProgram(const std::string& arguments) {
  Ran ran;
  FILE* pipe = ::popen((std::string(PERENNIAL_PROGRAM) + " " + arguments + " 2>&1 </dev/null").c_str(), "r");
  if (pipe == nullptr) return ran;
  std::array<char, 4096> block;
  for (size_t got; (got = std::fread(block.data(), 1, block.size(), pipe)) > 0;) ran.output.append(block.data(), got);
  const int status = ::pclose(pipe);
  ran.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return ran;
}

TEST(Program, HelpListsTheCommandsAndExitCodes) {
  const Ran ran = RunProgram("--help");
  EXPECT_EQ(ran.code, kExitOk);
  for (const char* word : {"feed", "rollback", "quickstart", "doctor", "Exit codes"}) {
    EXPECT_NE(ran.output.find(word), std::string::npos) << word;
  }
}

TEST(Program, WrongUsageIsTwoAndSuggestsTheClosest) {
  const Ran ran = RunProgram("stauts");
  EXPECT_EQ(ran.code, kExitUsage);
  EXPECT_NE(ran.output.find("perennial status"), std::string::npos) << ran.output;
  EXPECT_EQ(RunProgram("").code, kExitUsage);
  EXPECT_EQ(RunProgram("promote").code, kExitUsage);  // --why is missing
  EXPECT_EQ(RunProgram("versions --limit 0").code, kExitUsage);
}

TEST(Program, AnAbsentHubIsFour) {
  EXPECT_EQ(RunProgram("status --hub http://127.0.0.1:1").code, kExitUnreachable);
  const Ran json = RunProgram("--json status --hub http://127.0.0.1:1");
  EXPECT_EQ(json.code, kExitUnreachable);
  EXPECT_EQ(json.output.substr(0, 9), "{\"error\":") << json.output;
}

TEST(Program, ABadAddressIsToldSo) {
  const Ran ran = RunProgram("status --hub ftp://x");
  EXPECT_NE(ran.code, kExitOk);
  EXPECT_NE(ran.output.find("ftp://x"), std::string::npos);
}

}  // namespace
}  // namespace perennial::cli
