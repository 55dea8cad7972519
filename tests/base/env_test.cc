#include "storage/base/env.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "storage/base/thread.h"

namespace perennial {
namespace {

namespace fs = std::filesystem;

class EnvTest : public testing::Test {
 protected:
  size_t FilesInFolder() const {
    return static_cast<size_t>(std::distance(fs::directory_iterator(folder_.path()), fs::directory_iterator()));
  }
  static mode_t ModeOf(const std::string& path) {
    struct stat info {};
    EXPECT_EQ(::stat(path.c_str(), &info), 0);
    return info.st_mode & 0777;
  }

  Env& env_ = Env::Posix();
  TemporaryFolder folder_ = TemporaryFolder::Make("env-test").value();
  const std::string path_ = folder_.path() + "/file";
};

TEST_F(EnvTest, WritesAndReadsBinaryContent) {
  const std::string bytes("\0\xff\r\n", 4);
  ASSERT_TRUE(env_.WriteFileAtomic(path_, bytes, 0644).ok());
  EXPECT_EQ(env_.ReadFile(path_, 100).value(), bytes);
  ASSERT_TRUE(env_.WriteFileAtomic(path_, "", 0644).ok());
  EXPECT_EQ(env_.ReadFile(path_, 100).value(), "");
}

TEST_F(EnvTest, ReplacesTheOldFileAndLeavesNothingElse) {
  ASSERT_TRUE(env_.WriteFileAtomic(path_, std::string(100'000, 'a'), 0644).ok());
  ASSERT_TRUE(env_.WriteFileAtomic(path_, "short", 0644).ok());
  EXPECT_EQ(env_.ReadFile(path_, 100).value(), "short");
  EXPECT_EQ(FilesInFolder(), 1U);
}

TEST_F(EnvTest, KeysAreReadableByTheirOwnerOnly) {
  ASSERT_TRUE(env_.WriteFileAtomic(path_, "public", 0644).ok());
  ASSERT_TRUE(env_.WriteFileAtomic(path_, "secret", 0600).ok());
  EXPECT_EQ(ModeOf(path_), 0600U);
}

TEST_F(EnvTest, FailuresSayWhatAndLeaveTheOldFile) {
  EXPECT_EQ(env_.ReadFile(path_, 10).status().code(), Code::kNotFound);
  EXPECT_EQ(env_.ReadFile(folder_.path(), 10).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(env_.WriteFileAtomic(folder_.path() + "/none/file", "x", 0644).code(), Code::kNotFound);
  // A folder cannot be replaced by a file.
  ASSERT_TRUE(env_.CreateDirectories(path_ + "/inside").ok());
  const Status over_folder = env_.WriteFileAtomic(path_, "x", 0644);
  EXPECT_FALSE(over_folder.ok());
  EXPECT_NE(over_folder.message().find(path_), std::string::npos);
  EXPECT_EQ(FilesInFolder(), 1U);
}

TEST_F(EnvTest, ReadFileStopsAtItsLimit) {
  ASSERT_TRUE(env_.WriteFileAtomic(path_, "12345", 0644).ok());
  EXPECT_EQ(env_.ReadFile(path_, 5).value(), "12345");
  EXPECT_EQ(env_.ReadFile(path_, 4).status().code(), Code::kResourceExhausted);
}

TEST_F(EnvTest, CreatesFoldersOnceAndNotOverFiles) {
  const std::string deep = folder_.path() + "/a/b/c";
  EXPECT_TRUE(env_.CreateDirectories(deep).ok());
  EXPECT_TRUE(env_.CreateDirectories(deep).ok());
  EXPECT_TRUE(fs::is_directory(deep));
  std::ofstream(path_) << "x";
  EXPECT_FALSE(env_.CreateDirectories(path_ + "/under").ok());
}

TEST_F(EnvTest, WritersOfOneFileNeverMix) {
  const std::string a(50'000, 'a');
  const std::string b(50'000, 'b');
  const auto write = [&](const std::string& content) {
    for (int i = 0; i < 20; ++i) EXPECT_TRUE(env_.WriteFileAtomic(path_, content, 0644).ok());
  };
  {
    Thread first("first", [&] { write(a); });
    Thread second("second", [&] { write(b); });
    for (int i = 0; i < 50; ++i) {
      const auto seen = env_.ReadFile(path_, 100'000);
      if (!seen.ok()) continue;
      EXPECT_TRUE(*seen == a || *seen == b);
    }
  }
  EXPECT_EQ(FilesInFolder(), 1U);
}

TEST(TemporaryFolderTest, GoesWithAllItHoldsUnlessReleased) {
  std::string path;
  {
    TemporaryFolder folder = TemporaryFolder::Make("gone").value();
    path = folder.path();
    ASSERT_TRUE(Env::Posix().CreateDirectories(path + "/x/y").ok());
    const TemporaryFolder moved = std::move(folder);
    EXPECT_TRUE(fs::exists(path));
  }
  EXPECT_FALSE(fs::exists(path));
  {
    TemporaryFolder kept = TemporaryFolder::Make("kept").value();
    path = kept.Release();
  }
  EXPECT_TRUE(fs::exists(path));
  fs::remove_all(path);
}

TEST(DurableWritePointTest, KillsAtItsNumberAndNotBefore) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  const auto survive = [](int points) {
    for (int i = 0; i < points; ++i) DurableWritePoint();
    std::exit(static_cast<int>(DurableWritePoints()));
  };
  ::setenv("PERENNIAL_CRASH_AT", "3", 1);
  EXPECT_EXIT(survive(2), testing::ExitedWithCode(2), "");
  EXPECT_EXIT(survive(3), testing::KilledBySignal(SIGKILL), "");
  ::setenv("PERENNIAL_CRASH_AT", "0", 1);
  EXPECT_EXIT(survive(7), testing::ExitedWithCode(7), "");
  ::unsetenv("PERENNIAL_CRASH_AT");
  EXPECT_EXIT(survive(7), testing::ExitedWithCode(0), "");
}

TEST(DurableWritePointTest, AtomicFilesCallItBeforeAndAfter) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  const TemporaryFolder folder = TemporaryFolder::Make("points").value();
  const auto write = [&folder] {
    (void)Env::Posix().WriteFileAtomic(folder.path() + "/file", "new", 0644).ok();
    std::exit(static_cast<int>(DurableWritePoints()));
  };
  ::setenv("PERENNIAL_CRASH_AT", "1", 1);
  EXPECT_EXIT(write(), testing::KilledBySignal(SIGKILL), "");
  ::setenv("PERENNIAL_CRASH_AT", "2", 1);
  EXPECT_EXIT(write(), testing::KilledBySignal(SIGKILL), "");
  ::setenv("PERENNIAL_CRASH_AT", "0", 1);
  EXPECT_EXIT(write(), testing::ExitedWithCode(2), "");
  ::unsetenv("PERENNIAL_CRASH_AT");
}

}  // namespace
}  // namespace perennial
