#include "storage/base/log.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

namespace perennial::log {
namespace {

class LogTest : public testing::Test {
 protected:
  void TearDown() override { Configure(Level::kInfo, false); }
  static std::string Captured(const std::function<void()>& body) {
    testing::internal::CaptureStderr();
    body();
    return testing::internal::GetCapturedStderr();
  }
};

TEST_F(LogTest, WritesEventAndFieldsOnOneLine) {
  const std::string line = Captured([] { Warn("disk_full", {{"path", "data"}, {"bytes", 17}, {"share", 0.5}}); });
  EXPECT_NE(line.find(" W "), std::string::npos) << line;
  EXPECT_NE(line.find("disk_full path=data bytes=17 share=0.5\n"), std::string::npos) << line;
}

TEST_F(LogTest, ValuesCannotBreakTheLineOrTheTerminal) {
  const std::string line = Captured([] {
    Warn("input", {{"text", "two words"}, {"evil", "x\r\n\x1b[31mred"}, {"empty", ""}, {"binary", "\xff"}});
  });
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1) << line;
  EXPECT_EQ(line.find('\x1b'), std::string::npos);
  EXPECT_EQ(line.find('\r'), std::string::npos);
  EXPECT_NE(line.find("text=\"two words\""), std::string::npos);
  EXPECT_NE(line.find("empty=\"\""), std::string::npos);
}

TEST_F(LogTest, LowerLevelsAreSilent) {
  Configure(Level::kWarn, false);
  EXPECT_EQ(Captured([] { Info("hidden"); }), "");
  EXPECT_NE(Captured([] { Error("shown"); }), "");
  Configure(Level::kOff, false);
  EXPECT_EQ(Captured([] { Error("hidden"); }), "");
}

TEST_F(LogTest, JsonLinesHoldTheFields) {
  Configure(Level::kInfo, true);
  const std::string line = Captured([] { Warn("event", {{"key", "a \"quoted\" value"}}); });
  EXPECT_NE(line.find(R"({"event":"event","key":"a \"quoted\" value"})"), std::string::npos) << line;
}

TEST_F(LogTest, LevelsHaveNames) {
  EXPECT_EQ(LevelFromName("debug").value(), Level::kDebug);
  EXPECT_EQ(LevelFromName("off").value(), Level::kOff);
  EXPECT_EQ(LevelFromName("loud").status().code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace perennial::log
