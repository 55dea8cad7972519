// A process that forgets a source is killed just before and just after every durable write, and what it was about is
// asked for again: the log must end as one that was never killed. Everything with a store runs in forked children, for
// the place to die is read once a process.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>

#include "storage/base/env.h"
#include "storage/base/log.h"
#include "tests/samples/log_fixture.h"

namespace perennial::samples {
namespace {

SampleLogOptions Options() {
  SampleLogOptions options;
  options.held_out_share = 0.3;
  return options;
}

std::unique_ptr<kv::KvStore> OpenStore(const std::string& folder) {
  return kv::OpenRocks({.path = folder + "/db", .families = SampleLog::Families(), .quota = nullptr}).value();
}

int Feed(const std::string& folder) {
  const ManualClock clock;
  const auto store = OpenStore(folder);
  const auto log = SampleLog::Open(*store, Options(), clock).value();
  std::vector<format::Sample> batch;
  for (int i = 0; i < 40; ++i) {
    batch.push_back(MakeSample(std::to_string(i), i % 7 == 0 ? std::nullopt : std::optional<std::string>("ok")));
    batch.back().source = i % 2 == 0 ? "bad" : "good";
    batch.back().image = Picture(static_cast<uint64_t>(i / 3));  // some are common to both
  }
  batch.emplace_back().source = "bad";  // to quarantine
  const bool fed = log->Append(std::move(batch)).ok() && log->AppendLateLabel("bad", "14", "late").ok();
  return fed && log->NoteReader("main", Offset{0}).ok() ? 0 : 1;
}

// Everything that the log tells, as text.
std::string Told(const SampleLog& log, const kv::KvStore& store) {
  std::string told;
  for (const Entry& entry : log.ReadRange(Offset{0}, 1000).value()) {
    told += entry.offset.ToString() + ":" + std::to_string(static_cast<int>(entry.kind)) + entry.sample.source + "/" +
            entry.sample.id + "/" + std::to_string(entry.sample.image.size()) + (entry.held_out ? "h " : " ");
  }
  for (const Offset offset : log.HeldOutOffsets("default").value()) told += "held " + offset.ToString() + " ";
  for (const SourceInfo& source : log.Sources("", 10).value()) {
    told += source.source + " " + std::to_string(source.trainable) + " " + std::to_string(source.forgotten) +
            (source.erasing ? " erasing " : " ") + (source.forgotten_at ? source.forgotten_at->ToString() : "-") + " ";
  }
  const SampleLogStats stats = log.Stats();
  for (const uint64_t count : {stats.end, stats.accepted, stats.trainable, stats.held_out, stats.waiting_for_label,
                               stats.forgotten, stats.image_blobs, stats.quarantine_entries}) {
    told += std::to_string(count) + " ";
  }
  for (const std::string& family : SampleLog::Families()) {
    uint64_t keys = 0;
    const auto at = store.NewIterator(store.FindFamily(family).value());
    for (at->SeekToFirst(); at->Valid(); at->Next()) ++keys;
    told += family + " " + std::to_string(keys) + " ";
  }
  return told;
}

int Forget(const std::string& folder, uint64_t die_at) {
  ::setenv("PERENNIAL_CRASH_AT", std::to_string(die_at).c_str(), 1);
  const ManualClock clock;
  const auto store = OpenStore(folder);
  const auto log = SampleLog::Open(*store, Options(), clock).value();
  const auto at = log->Forget("bad", true);
  if (!at.ok() || !log->NoteReader("main", Offset{at->value + 1}).ok()) return 1;
  std::ofstream(folder + "/points") << DurableWritePoints();
  std::ofstream(folder + "/told") << Told(*log, *store);
  return 0;
}

int InChild(const std::function<int()>& work) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(work());
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child) return -1;
  return status;
}

std::string LineOf(const std::string& path) {
  std::string line;
  std::ifstream in(path);
  std::getline(in, line);
  return line;
}

TEST(SourceForgetCrash, EndsTheSameWhereverItIsKilled) {
  const TemporaryFolder root = TemporaryFolder::Make("forget-crash").value();
  const std::string fed = root.path() + "/fed";
  std::filesystem::create_directories(fed);
  ASSERT_EQ(InChild([&] { return Feed(fed); }), 0);
  const auto copy = [&](const std::string& name) {
    const std::string folder = root.path() + "/" + name;
    std::filesystem::copy(fed, folder, std::filesystem::copy_options::recursive);
    return folder;
  };
  const std::string whole = copy("whole");
  ASSERT_EQ(InChild([&] { return Forget(whole, 0); }), 0);
  const std::string expected = LineOf(whole + "/told");
  const int points = std::atoi(LineOf(whole + "/points").c_str());
  ASSERT_GE(points, 8) << "the entry, the indices, the reader, the erasure, its end";
  for (int at = 1; at <= points; ++at) {
    SCOPED_TRACE("killed at durable point " + std::to_string(at));
    const std::string folder = copy("at-" + std::to_string(at));
    const int status = InChild([&] { return Forget(folder, static_cast<uint64_t>(at)); });
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
    ASSERT_EQ(InChild([&] { return Forget(folder, 0); }), 0);
    EXPECT_EQ(LineOf(folder + "/told"), expected);
    std::filesystem::remove_all(folder);
  }
}

}  // namespace
}  // namespace perennial::samples
