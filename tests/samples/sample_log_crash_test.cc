#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <map>
#include <sstream>

#include "storage/base/env.h"
#include "tests/samples/log_fixture.h"

namespace perennial::samples {
namespace {

// A child process runs a small workload and is killed at its nth durable point; what it had printed as acknowledged by
// then must be in the log that the parent opens.

constexpr char kFolderVariable[] = "PERENNIAL_TEST_FOLDER";
constexpr char kReportVariable[] = "PERENNIAL_TEST_REPORT";

// Batch `number` of the workload: labelled, unlabelled, bad, repeated and test samples.
std::vector<format::Sample> Batch(int number) {
  std::vector<format::Sample> batch;
  for (int i = 0; i < 4; ++i) {
    const std::string id = std::to_string(number) + "-" + std::to_string(i);
    batch.push_back(MakeSample(id, i == 1 ? std::nullopt : std::optional<std::string>("ok")));
    batch.back().image = Picture(static_cast<uint64_t>(number * 3 + i));
    batch.back().slice = number % 2 == 0 ? "wood" : "metal";
  }
  batch[3].part = format::Part::kTest;
  batch.push_back(MakeSample(std::to_string(number) + "-0"));
  batch.emplace_back();
  return batch;
}
constexpr int kBatches = 6;

kv::KvOptions Where(const std::string& folder) {
  return {.path = folder, .families = SampleLog::Families(), .quota = nullptr};
}

SampleLogOptions Options() {
  SampleLogOptions options;
  options.held_out_share = 0.2;
  return options;
}

// Not a test by itself: the child's work, run by the tests below through the same program.
TEST(SampleLogCrashChild, DISABLED_Work) {
  const char* folder = std::getenv(kFolderVariable);
  const char* report = std::getenv(kReportVariable);
  if (folder == nullptr || report == nullptr) GTEST_SKIP() << "run by SampleLogCrash";
  const int out = ::open(report, O_WRONLY | O_CREAT | O_APPEND, 0600);
  const auto say = [out](const std::string& line) {
    ASSERT_EQ(::write(out, line.data(), line.size()), static_cast<ssize_t>(line.size()));
  };
  const SystemClock clock;
  const auto store = kv::OpenRocks(Where(folder)).value();
  const auto log = SampleLog::Open(*store, Options(), clock).value();
  for (int number = 0; number < kBatches; ++number) {
    const auto batch = Batch(number);
    const auto outcomes = log->Append(batch).value();
    for (size_t i = 0; i < batch.size(); ++i) {
      if (outcomes[i].state != AppendOutcome::State::kAccepted) continue;
      say("sample " + outcomes[i].offset.ToString() + " " + batch[i].id + "\n");
    }
    const std::string id = std::to_string(number) + "-1";
    if (number % 2 == 0) {
      say("label " + log->AppendLateLabel("line-1", id, "late").value().ToString() + " " + id + "\n");
    }
  }
  say("flush " + log->AppendFlush().value().ToString() + " -\n");
  say("points " + std::to_string(DurableWritePoints()) + " -\n");
  ::close(out);
}

struct Report {
  std::map<uint64_t, std::pair<std::string, std::string>> acknowledged;  // offset -> kind, sample id
  uint64_t points = 0;
  bool killed = false;
};

Report RunChild(const std::string& folder, uint64_t crash_at) {
  const std::string report_path = folder + "/report";
  std::vector<std::string> variables = {std::string(kFolderVariable) + "=" + folder + "/db",
                                        std::string(kReportVariable) + "=" + report_path,
                                        "PERENNIAL_CRASH_AT=" + std::to_string(crash_at)};
  for (char** at = environ; *at != nullptr; ++at) variables.emplace_back(*at);
  std::vector<char*> environment;
  for (std::string& variable : variables) environment.push_back(variable.data());
  environment.push_back(nullptr);
  std::string program = "/proc/self/exe";
  std::string filter = "--gtest_filter=SampleLogCrashChild.*";
  std::string disabled = "--gtest_also_run_disabled_tests";
  char* arguments[] = {program.data(), filter.data(), disabled.data(), nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t child = 0;
  EXPECT_EQ(::posix_spawn(&child, program.c_str(), &actions, nullptr, arguments, environment.data()), 0);
  posix_spawn_file_actions_destroy(&actions);
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);

  Report report;
  report.killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  EXPECT_TRUE(report.killed || (WIFEXITED(status) && WEXITSTATUS(status) == 0)) << status;
  const auto text = Env::Posix().ReadFile(report_path, 1 << 20);
  std::istringstream lines(text.ok() ? *text : "");
  std::string kind, id;
  for (uint64_t offset = 0; lines >> kind >> offset >> id;) {
    if (kind == "points") {
      report.points = offset;
    } else {
      report.acknowledged[offset] = {kind, id};
    }
  }
  return report;
}

// The counters as the entries themselves tell them.
void ExpectCountersEqualARecount(const SampleLog& log, const kv::KvStore& store) {
  SampleLogStats recount;
  recount.end = log.End().value;
  const auto entries = log.ReadRange(Offset{0}, 10'000).value();
  ASSERT_EQ(entries.size(), recount.end);
  std::map<std::string, size_t> held_out;
  for (const Entry& entry : entries) {
    recount.accepted += entry.kind == EntryKind::kSample ? 1 : 0;
    recount.trainable += entry.Trainable() ? 1 : 0;
    if (entry.held_out && entry.sample.label) ++held_out[entry.sample.slice], ++recount.held_out;
    if (entry.kind == EntryKind::kSample && !entry.sample.label) ++recount.waiting_for_label;
    if (entry.kind == EntryKind::kLateLabel) --recount.waiting_for_label;
  }
  const auto blobs = store.NewIterator(store.FindFamily("samples.blobs").value());
  for (blobs->SeekToFirst(); blobs->Valid(); blobs->Next()) ++recount.image_blobs;
  const SampleLogStats stats = log.Stats();
  EXPECT_EQ(stats.accepted, recount.accepted);
  EXPECT_EQ(stats.trainable, recount.trainable);
  EXPECT_EQ(stats.held_out, recount.held_out);
  EXPECT_EQ(stats.waiting_for_label, recount.waiting_for_label);
  EXPECT_EQ(stats.image_blobs, recount.image_blobs);
  EXPECT_EQ(stats.quarantine_entries, log.ListQuarantine(0, 1000).value().size());
  for (const auto& [slice, count] : held_out) EXPECT_EQ(log.HeldOutOffsets(slice).value().size(), count);
}

TEST(SampleLogCrash, NothingAcknowledgedIsLostWhereverTheProcessDies) {
  const TemporaryFolder whole_folder = TemporaryFolder::Make("log-crash").value();
  const Report whole = RunChild(whole_folder.path(), 0);
  ASSERT_FALSE(whole.killed);
  ASSERT_GE(whole.points, 2U * (kBatches + kBatches / 2 + 1));

  const SystemClock clock;
  for (uint64_t at = 1; at <= whole.points; ++at) {
    SCOPED_TRACE("killed at durable point " + std::to_string(at));
    const TemporaryFolder folder = TemporaryFolder::Make("log-crash").value();
    const Report report = RunChild(folder.path(), at);
    ASSERT_TRUE(report.killed);
    const auto store = kv::OpenRocks(Where(folder.path() + "/db")).value();
    const auto log = SampleLog::Open(*store, Options(), clock).value();
    for (const auto& [offset, what] : report.acknowledged) {
      const auto entry = log->Read(Offset{offset});
      ASSERT_TRUE(entry.ok()) << entry.status().ToString();
      if (what.first != "flush") {
        EXPECT_EQ(entry->sample.id, what.second);
      }
    }
    ExpectCountersEqualARecount(*log, *store);
    // The feeder starts again from the beginning: each sample ends up in the log once.
    for (int number = 0; number < kBatches; ++number) ASSERT_TRUE(log->Append(Batch(number)).ok());
    EXPECT_EQ(log->Stats().accepted, 4U * kBatches);
    ExpectCountersEqualARecount(*log, *store);
  }
}

}  // namespace
}  // namespace perennial::samples
