#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "api/cli/commands.h"
#include "storage/base/env.h"
#include "tests/cli/fake_hub.h"

namespace perennial::cli {
namespace {

class FeedTest : public testing::Test {
 protected:
  FeedTest() : folder_(*TemporaryFolder::Make("feed")) { options_.state_folder = folder_.path() + "/state"; }

  // `count` lines of distinct texts.
  void WriteLines(int count, const std::string& extra = "") {
    options_.path = folder_.path() + "/d.ndjson";
    std::ofstream file(options_.path);
    for (int i = 0; i < count; ++i) file << "{\"text\":\"t" << i << "\",\"label\":\"a\"}\n";
    file << extra;
  }
  int Run() {
    around_ = std::make_unique<Surroundings>();
    around_->interrupted = interrupt_;
    around_->context.hub = hub_.url();
    around_->context.json = json_;
    return RunFeed(around_->context, options_);
  }
  bool StateLeft() const {
    return std::filesystem::exists(options_.state_folder) && !std::filesystem::is_empty(options_.state_folder);
  }

  TemporaryFolder folder_;
  FakeHub hub_;
  FeedOptions options_;
  std::unique_ptr<Surroundings> around_;
  bool interrupt_ = false, json_ = false;
};

TEST_F(FeedTest, SendsAllInBatchesAndFlushes) {
  hub_.Listen();
  WriteLines(600);
  EXPECT_EQ(Run(), kExitOk) << around_->err.str();
  EXPECT_EQ(hub_.batches(), (std::vector<size_t>{256, 256, 88}));
  EXPECT_EQ(hub_.texts().size(), 600u);
  EXPECT_EQ(hub_.texts().front(), "t0");
  EXPECT_EQ(hub_.flushes(), 1);
  EXPECT_NE(around_->out.str().find("600 samples: 600 accepted"), std::string::npos) << around_->out.str();
  EXPECT_FALSE(StateLeft());
}

TEST_F(FeedTest, RefusedAndQuarantinedSamplesAreToldAndMakeItPartial) {
  hub_.Listen();
  WriteLines(3, "{\"text\":\"bad\"}\nnot json\n{\"text\":\"t0\"}\n");
  json_ = true;
  EXPECT_EQ(Run(), kExitPartial);
  const auto json = nlohmann::json::parse(around_->out.str());
  EXPECT_EQ(json["samples"], 6);
  EXPECT_EQ(json["accepted"], 3);
  EXPECT_EQ(json["duplicates"], 1);
  EXPECT_EQ(json["quarantined"], 1);
  EXPECT_EQ(json["refused"], 1);
  EXPECT_NE(around_->err.str().find("d.ndjson line 4: invalid_argument: text: bad (hint: mend it)"), std::string::npos);
  EXPECT_NE(around_->err.str().find("d.ndjson line 5: "), std::string::npos) << around_->err.str();
}

TEST_F(FeedTest, AnInterruptedFeedGoesOnWhereItStoppedEachSampleOnce) {
  hub_.Listen();
  WriteLines(600);
  interrupt_ = true;  // seen after the first batch
  EXPECT_EQ(Run(), kExitInterrupted);
  EXPECT_EQ(hub_.batches(), std::vector<size_t>{256});
  EXPECT_EQ(hub_.flushes(), 0);
  EXPECT_TRUE(StateLeft());
  EXPECT_NE(around_->err.str().find("--resume"), std::string::npos);
  interrupt_ = false;
  json_ = options_.resume = true;
  EXPECT_EQ(Run(), kExitOk) << around_->err.str();
  EXPECT_EQ(hub_.batches(), (std::vector<size_t>{256, 256, 88}));
  EXPECT_EQ(hub_.texts().size(), 600u);
  EXPECT_EQ(nlohmann::json::parse(around_->out.str())["accepted"], 600);  // both runs together
  EXPECT_FALSE(StateLeft());
}

TEST_F(FeedTest, ResumingChangedDataIsRefused) {
  hub_.Listen();
  WriteLines(600);
  interrupt_ = true;
  EXPECT_EQ(Run(), kExitInterrupted);
  WriteLines(601);
  interrupt_ = false;
  options_.resume = true;
  EXPECT_EQ(Run(), kExitFailed);
  EXPECT_NE(around_->err.str().find("changed"), std::string::npos);
}

TEST_F(FeedTest, ABusyHubIsWaitedForAsItAsks) {
  hub_.BeforeBulk([](int request, http::Response& response) {
    if (request > 3) return false;
    response.status = request == 1 ? 429 : 503;
    response.headers.emplace_back("Retry-After", std::to_string(request));
    return true;
  });
  hub_.Listen();
  WriteLines(10);
  EXPECT_EQ(Run(), kExitOk) << around_->err.str();
  EXPECT_EQ(around_->waits,
            (std::vector<Duration>{std::chrono::seconds(1), std::chrono::seconds(2), std::chrono::seconds(3)}));
  EXPECT_EQ(hub_.texts().size(), 10u);
}

TEST_F(FeedTest, AHubThatStaysBusyEndsTheFeedResumably) {
  hub_.BeforeBulk([](int request, http::Response& response) {
    if (request == 1) return false;
    response.status = 503;
    return true;
  });
  hub_.Listen();
  WriteLines(300);
  EXPECT_EQ(Run(), kExitUnreachable);
  EXPECT_EQ(hub_.texts().size(), 256u);
  EXPECT_TRUE(StateLeft());
  EXPECT_EQ(around_->waits.size(), 20u);
}

TEST_F(FeedTest, ARefusedRequestIsNotRepeated) {
  hub_.BeforeBulk([](int, http::Response& response) {
    http::WriteProblem(response, 403, PermissionDenied("wrong token"));
    return true;
  });
  hub_.Listen();
  WriteLines(3);
  EXPECT_EQ(Run(), kExitFailed);
  EXPECT_TRUE(around_->waits.empty());
  EXPECT_NE(around_->err.str().find("PERENNIAL_TOKEN"), std::string::npos) << around_->err.str();
}

TEST_F(FeedTest, LimitAndRateAreKept) {
  hub_.Listen();
  WriteLines(100);
  options_.limit = 30;
  options_.rate = 20;  // batches of ten, half a second apart
  EXPECT_EQ(Run(), kExitOk);
  EXPECT_EQ(hub_.batches(), (std::vector<size_t>{10, 10, 10}));
  Duration waited{0};
  for (const Duration wait : around_->waits) waited += wait;
  EXPECT_EQ(waited, std::chrono::milliseconds(1500));
}

TEST_F(FeedTest, ColumnsAndSlicesAreChosen) {
  hub_.Listen();
  options_.path = folder_.path() + "/d.csv";
  std::ofstream(options_.path) << "q,a\nwhy?,so\n";
  options_.text_field = "q";
  options_.label_field = "a";
  EXPECT_EQ(Run(), kExitOk) << around_->err.str();
  EXPECT_EQ(hub_.texts(), std::vector<std::string>{"why?"});
}

TEST_F(FeedTest, WrongPathsAndAbsentHubsHaveTheirExitCodes) {
  WriteLines(1);
  around_ = std::make_unique<Surroundings>();  // nobody listens on port 1
  EXPECT_EQ(RunFeed(around_->context, options_), kExitUnreachable);
  EXPECT_NE(around_->err.str().find("PERENNIAL_HUB"), std::string::npos) << around_->err.str();
  options_.path = folder_.path() + "/none";
  EXPECT_EQ(RunFeed(around_->context, options_), kExitFailed);
  options_.path = "-";
  options_.resume = true;
  EXPECT_EQ(RunFeed(around_->context, options_), kExitUsage);
}

}  // namespace
}  // namespace perennial::cli
