#include <gtest/gtest.h>

#include <cmath>
#include <future>
#include <thread>

#include "serving/engine_core.h"
#include "tests/serving/fakes.h"

namespace perennial::serving {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

class EngineTest : public testing::Test {
 protected:
  void Start(EngineOptions options = {}) {
    options.node_name = "edge-1";
    auto engine = StartEngine(options, clock_, std::make_unique<FakeFactory>(state_));
    ASSERT_TRUE(engine.ok()) << engine.status().ToString();
    engine_ = std::move(*engine);
  }
  void MakeStable(uint64_t version, const std::string& name) {
    ASSERT_TRUE(engine_->Stage(MakeVersion(version, name)).ok());
    ASSERT_TRUE(engine_->Confirm(VersionId{version}).ok());
  }
  void MakeTrial(uint64_t version, const std::string& name, uint32_t permille) {
    ASSERT_TRUE(engine_->Stage(MakeVersion(version, name)).ok());
    ASSERT_TRUE(engine_->Activate(VersionId{version}, {permille}).ok());
  }
  static InferRequest Text(const std::string& text, const std::string& id = "") {
    InferRequest request;
    request.text = text;
    request.id = id;
    return request;
  }
  // Behaves until the warm-up is over, then gives NaN.
  void BreakAfterStaging(const std::string& name) {
    const std::lock_guard lock(state_->mutex);
    state_->behaviours[name] = [](const std::vector<PreparedInput>& inputs) -> Result<std::vector<Scores>> {
      return std::vector<Scores>(inputs.size(), Scores{kNan, 0, 0});
    };
  }

  SystemClock clock_;
  std::shared_ptr<FakeFactory::State> state_ = std::make_shared<FakeFactory::State>();
  std::unique_ptr<Engine> engine_;
};

TEST_F(EngineTest, SaysThatNoVersionHasArrived) {
  Start();
  EXPECT_EQ(engine_->Infer(Text("x")).status().code(), Code::kUnavailable);
  EXPECT_EQ(engine_->GetStatus().stable, VersionId{});
  EXPECT_EQ(engine_->GetStatus().failures, 1u);
}

TEST_F(EngineTest, AnswersWithTheStableVersionsLabelAndNames) {
  Start();
  MakeStable(3, "a");
  const auto answer = engine_->Infer(Text("xxxx"));
  ASSERT_TRUE(answer.ok()) << answer.status().ToString();
  EXPECT_EQ(answer->version, VersionId{3});
  EXPECT_EQ(answer->label, "b");
  EXPECT_FLOAT_EQ(answer->confidence, 0.8f);
  EXPECT_EQ(answer->top_labels, (std::vector<std::string>{"b", "a", "c"}));
  EXPECT_FALSE(answer->trial);
  EXPECT_EQ(answer->request_id.substr(0, 7), "edge-1:");
}

TEST_F(EngineTest, RefusesBadInputAndCountsItAgainstNobody) {
  Start();
  MakeStable(1, "a");
  EXPECT_EQ(engine_->Infer({}).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(engine_->Infer(Text("\xff\xfe")).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(engine_->Infer(Text(std::string(70000, 'x'))).status().code(), Code::kInvalidArgument);
  InferRequest broken;
  broken.image = TinyPng().substr(0, 40);
  const auto refused = engine_->Infer(broken);
  EXPECT_EQ(refused.status().code(), Code::kInvalidArgument);
  EXPECT_EQ(refused.status().message().substr(0, 6), "image:");
  EXPECT_EQ(engine_->Counts().front().requests, 0u);
}

TEST_F(EngineTest, SwapsAndRetiresTheOldVersion) {
  Start();
  MakeStable(1, "a");
  MakeStable(2, "z");
  MakeStable(3, "y");
  EXPECT_EQ(engine_->Infer(Text("xxx"))->version, VersionId{3});
  EXPECT_EQ(engine_->Infer(Text("xxx"))->label, "y");
  EXPECT_EQ(engine_->GetStatus().swaps, 3u);
  // The last retired one may live until the next is staged, no others.
  EXPECT_LE(state_->alive, 2);
  EXPECT_EQ(engine_->Counts().size(), 1u);
}

TEST_F(EngineTest, TrialTakesItsShareStickilyAndIsMarked) {
  Start();
  MakeStable(1, "a");
  MakeTrial(2, "z", 300);
  int trial = 0;
  for (int i = 0; i < 400; ++i) {
    InferRequest request = Text("xxx");
    request.routing_key = "user-" + std::to_string(i);
    const auto first = engine_->Infer(request);
    const auto again = engine_->Infer(request);
    ASSERT_TRUE(first.ok() && again.ok());
    EXPECT_EQ(first->version, again->version);
    EXPECT_EQ(first->trial, first->version == VersionId{2});
    trial += first->trial ? 1 : 0;
  }
  EXPECT_NEAR(trial, 120, 50);
  const auto counts = engine_->Counts();
  ASSERT_EQ(counts.size(), 2u);
  EXPECT_EQ(counts[0].requests + counts[1].requests, 800u);
  EXPECT_EQ(counts[1].requests, static_cast<uint64_t>(2 * trial));
}

TEST_F(EngineTest, RevertIsAFlipAndConfirmPromotes) {
  Start();
  MakeStable(1, "a");
  MakeTrial(2, "z", 1000);
  EXPECT_EQ(engine_->Infer(Text("x"))->version, VersionId{2});
  ASSERT_TRUE(engine_->Revert(VersionId{2}).ok());
  EXPECT_EQ(engine_->Infer(Text("x"))->version, VersionId{1});
  EXPECT_EQ(engine_->Revert(VersionId{2}).code(), Code::kNotFound);
  MakeTrial(4, "y", 1000);
  ASSERT_TRUE(engine_->Confirm(VersionId{4}).ok());
  EXPECT_EQ(engine_->GetStatus().stable, VersionId{4});
  EXPECT_EQ(engine_->GetStatus().candidate, VersionId{});
}

TEST_F(EngineTest, MovesOfUnknownVersionsChangeNothing) {
  Start();
  MakeStable(1, "a");
  EXPECT_EQ(engine_->Activate(VersionId{9}, {50}).code(), Code::kNotFound);
  EXPECT_EQ(engine_->Confirm(VersionId{9}).code(), Code::kNotFound);
  EXPECT_EQ(engine_->Activate(VersionId{1}, {5000}).code(), Code::kInvalidArgument);
  EXPECT_TRUE(engine_->Confirm(VersionId{1}).ok());
  EXPECT_EQ(engine_->GetStatus().swaps, 1u);
  EXPECT_EQ(engine_->GetStatus().stable, VersionId{1});
}

TEST_F(EngineTest, SameContentIsAnAliasWithoutASecondCopy) {
  Start();
  MakeStable(1, "a");
  ASSERT_TRUE(engine_->Stage(MakeVersion(7, "a")).ok());
  ASSERT_TRUE(engine_->Confirm(VersionId{7}).ok());
  EXPECT_EQ(state_->made, 1);
  EXPECT_EQ(engine_->Infer(Text("x"))->version, VersionId{7});
}

TEST_F(EngineTest, StageRefusesAVersionThatGivesNan) {
  Start();
  MakeStable(1, "a");
  BreakAfterStaging("bad");
  EXPECT_EQ(engine_->Stage(MakeVersion(2, "bad")).code(), Code::kFailedPrecondition);
  EXPECT_EQ(engine_->Activate(VersionId{2}, {50}).code(), Code::kNotFound);
  EXPECT_EQ(engine_->Infer(Text("x"))->version, VersionId{1});
}

TEST_F(EngineTest, ATrialThatBreaksIsHaltedAndNoClientFeelsIt) {
  Start();
  MakeStable(1, "a");
  MakeTrial(2, "bad", 1000);
  BreakAfterStaging("bad");
  for (int i = 0; i < 10; ++i) {
    const auto answer = engine_->Infer(Text("x"));
    ASSERT_TRUE(answer.ok()) << answer.status().ToString();
    EXPECT_EQ(answer->version, VersionId{1});
    EXPECT_FALSE(answer->trial);
  }
  const auto counts = engine_->Counts();
  ASSERT_EQ(counts.size(), 2u);
  EXPECT_EQ(counts[1].nan_outputs, 1u);
  EXPECT_EQ(counts[1].errors, 1u);
  EXPECT_EQ(counts[0].requests, 10u);
  EXPECT_EQ(engine_->GetStatus().candidate_permille, 0u);
  // The hub repeats the weight with every heartbeat; a halted trial stays halted.
  ASSERT_TRUE(engine_->Activate(VersionId{2}, {1000}).ok());
  EXPECT_EQ(engine_->Infer(Text("x"))->version, VersionId{1});
  EXPECT_TRUE(engine_->Revert(VersionId{2}).ok());
}

TEST_F(EngineTest, AStableVersionThatBreaksGivesATypedError) {
  Start();
  MakeStable(1, "a");
  BreakAfterStaging("a");
  const auto answer = engine_->Infer(Text("x"));
  EXPECT_EQ(answer.status().code(), Code::kInternal);
  EXPECT_NE(answer.status().message().find("version 1"), std::string::npos);
  EXPECT_EQ(engine_->Counts().front().nan_outputs, 1u);
}

TEST_F(EngineTest, FeedbackReachesTheArmThatAnsweredOnce) {
  Start();
  MakeStable(1, "a");
  const auto own = engine_->Infer(Text("xxx"));
  const auto named = engine_->Infer(Text("xxx", "job-7"));
  EXPECT_EQ(named->request_id, "edge-1:job-7");
  EXPECT_TRUE(engine_->Feedback(own->request_id, "a"));
  EXPECT_FALSE(engine_->Feedback(own->request_id, "a"));
  EXPECT_TRUE(engine_->Feedback("job-7", "b"));
  EXPECT_FALSE(engine_->Feedback("edge-1:unknown", "a"));
  const auto counts = engine_->Counts().front();
  EXPECT_EQ(counts.feedback, 2u);
  EXPECT_EQ(counts.feedback_correct, 1u);
}

TEST_F(EngineTest, PinnedRequestsGetTheirVersionOrNone) {
  Start();
  MakeStable(1, "a");
  MakeTrial(2, "z", 0);
  InferRequest request = Text("x");
  request.pinned = VersionId{2};
  EXPECT_EQ(engine_->Infer(request)->version, VersionId{2});
  request.pinned = VersionId{0};
  EXPECT_EQ(engine_->Infer(request)->version, VersionId{1});
  request.pinned = VersionId{9};
  EXPECT_EQ(engine_->Infer(request).status().code(), Code::kNotFound);
}

TEST_F(EngineTest, WarmsTheBatchSizesOncePerArchitecture) {
  EngineOptions options;
  options.max_batch = 6;
  Start(options);
  MakeStable(1, "a");
  EXPECT_EQ(state_->batches, (std::vector<size_t>{3, 1, 2, 4, 6}));
  MakeStable(2, "z");
  EXPECT_EQ(state_->batches.size(), 6u);
}

TEST_F(EngineTest, MetricsNameTheSlotsAndTheVersion) {
  Start();
  MakeStable(5, "a");
  (void)engine_->Infer(Text("x"));
  (void)engine_->Infer({});
  const std::string text = engine_->MetricsText();
  for (const char* part : {"perennial_requests_total{slot=\"stable\"} 1",
                           "perennial_request_failures_total{code=\"invalid_argument\"} 1", "perennial_swaps_total 1",
                           "version=\"5\"", "perennial_request_duration_seconds_bucket", "perennial_queue_depth 0"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
  MakeStable(6, "z");
  EXPECT_EQ(engine_->MetricsText().find("version=\"5\""), std::string::npos);
}

TEST_F(EngineTest, NoRequestFailsOrMixesVersionsUnderFlips) {
  Start();
  MakeStable(1, "even");
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0}, answered{0};
  std::vector<std::thread> clients;
  for (int c = 0; c < 4; ++c) {
    clients.emplace_back([&] {
      while (!stop) {
        const auto answer = engine_->Infer(Text("xxx"));
        ++answered;
        // Text of length three picks the first label, which names the version's parity.
        if (!answer.ok() || answer->label != (answer->version.value % 2 == 0 ? "odd" : "even")) ++wrong;
      }
    });
  }
  for (uint64_t version = 2; version < 500; ++version) {
    // A busy machine may not have let the clients begin yet.
    while (answered < static_cast<int>(version / 5)) std::this_thread::yield();
    ASSERT_TRUE(engine_->Stage(MakeVersion(version, version % 2 == 0 ? "odd" : "even", std::to_string(version))).ok());
    if (version % 3 == 0) {
      ASSERT_TRUE(engine_->Activate(VersionId{version}, {500}).ok());
    }
    if (version % 9 == 0) {
      ASSERT_TRUE(engine_->Revert(VersionId{version}).ok());
    } else {
      ASSERT_TRUE(engine_->Confirm(VersionId{version}).ok());
    }
  }
  stop = true;
  for (auto& client : clients) client.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(answered, 0);
  // Retired versions go when the next one is staged: then the stable one and the staged one are left, and at most one
  // more that the batcher has not let go of yet.
  ASSERT_TRUE(engine_->Stage(MakeVersion(500, "odd", "500")).ok());
  EXPECT_LE(state_->alive, 3);
}

// What the clients saw of one trial.
struct Seen {
  std::atomic<uint64_t> candidate{0};        // answers of the version on trial
  std::atomic<uint64_t> stable_inside{0};    // answers of the stable version, begun and ended after the trial began
  std::atomic<uint64_t> stable_touching{0};  // also those that were on their way then
};

TEST_F(EngineTest, ARequestCountsInTheTrialItWasRoutedByAndInNoOther) {
  Start();
  MakeStable(1, "a");
  for (uint64_t version = 2; version < 60; ++version) {
    ASSERT_TRUE(engine_->Stage(MakeVersion(version, "z", std::to_string(version))).ok());
    Seen seen;
    std::atomic<int> phase{0};  // 1: the trial may have begun, 2: it has
    std::vector<std::thread> clients;
    for (int c = 0; c < 3; ++c) {
      clients.emplace_back([&] {
        for (int i = 0; i < 60 || phase != 2; ++i) {
          const int begun = phase;
          const auto answer = engine_->Infer(Text("x"));
          ASSERT_TRUE(answer.ok()) << answer.status().ToString();
          if (answer->version == VersionId{version}) {
            ++seen.candidate;
          } else {
            if (begun == 2) ++seen.stable_inside;
            if (phase != 0) ++seen.stable_touching;
          }
        }
      });
    }
    phase = 1;
    ASSERT_TRUE(engine_->Activate(VersionId{version}, {500}).ok());
    phase = 2;
    for (auto& client : clients) client.join();
    const auto counts = engine_->Counts();
    ASSERT_EQ(counts.size(), 2u);
    EXPECT_EQ(counts[1].version, VersionId{version});
    EXPECT_EQ(counts[1].requests, seen.candidate);
    EXPECT_GE(counts[0].requests, seen.stable_inside);
    EXPECT_LE(counts[0].requests, seen.stable_touching);
    ASSERT_TRUE(engine_->Revert(VersionId{version}).ok());
  }
}

TEST_F(EngineTest, ARequestOnItsWayWhenATrialBeginsIsNotCountedInIt) {
  Start();
  MakeStable(1, "slow");
  std::promise<void> reached, go;
  {
    const std::lock_guard lock(state_->mutex);
    state_->behaviours["slow"] = [&](const std::vector<PreparedInput>& inputs) -> Result<std::vector<Scores>> {
      reached.set_value();
      go.get_future().wait();
      return std::vector<Scores>(inputs.size(), Scores{1, 0, 0});
    };
  }
  std::thread client([&] { EXPECT_EQ(engine_->Infer(Text("x"))->version, VersionId{1}); });
  reached.get_future().wait();
  MakeTrial(2, "z", 500);
  go.set_value();
  client.join();
  for (const updater::ArmCounts& arm : engine_->Counts()) EXPECT_EQ(arm.requests, 0u) << arm.version.value;
}

TEST_F(EngineTest, AnAnswerFromBeforeTheTrialIsJudgedOutsideOfIt) {
  Start();
  MakeStable(1, "a");
  const auto before = engine_->Infer(Text("xxx"));
  MakeTrial(2, "z", 0);
  const auto inside = engine_->Infer(Text("xxx"));
  EXPECT_TRUE(engine_->Feedback(before->request_id, "a"));
  EXPECT_TRUE(engine_->Feedback(inside->request_id, "a"));
  EXPECT_EQ(engine_->Counts()[0].requests, 1u);
  EXPECT_EQ(engine_->Counts()[0].feedback, 1u);
}

TEST_F(EngineTest, PinnedRequestsAreNoEvidence) {
  Start();
  MakeStable(1, "a");
  MakeTrial(2, "z", 0);
  for (const uint64_t version : {1, 2}) {
    InferRequest request = Text("xxx");
    request.pinned = VersionId{version};
    const auto answer = engine_->Infer(request);
    ASSERT_TRUE(answer.ok()) << answer.status().ToString();
    EXPECT_EQ(answer->version, VersionId{version});
    EXPECT_TRUE(engine_->Feedback(answer->request_id, "b"));
  }
  for (const updater::ArmCounts& arm : engine_->Counts()) {
    EXPECT_EQ(arm.requests, 0u);
    EXPECT_EQ(arm.feedback, 0u);
    EXPECT_EQ(arm.confidence_sum, 0);
  }
}

TEST_F(EngineTest, PinnedRequestsThatBreakAVersionDoNotEndItsTrial) {
  Start();
  MakeStable(1, "a");
  MakeTrial(2, "bad", 500);
  BreakAfterStaging("bad");
  InferRequest request = Text("x");
  request.pinned = VersionId{2};
  EXPECT_FALSE(engine_->Infer(request).ok());
  EXPECT_EQ(engine_->Counts()[0].requests, 0u);
  EXPECT_EQ(engine_->Counts()[1].errors, 0u);
  EXPECT_EQ(engine_->GetStatus().candidate_permille, 500u);
}

// Finding: a pinned request could be answered by the stable version when its own broke.
TEST_F(EngineTest, APinnedRequestWhoseVersionBreaksGetsAnErrorAndNotAnotherVersionsAnswer) {
  Start();
  MakeStable(1, "a");
  MakeTrial(2, "bad", 500);
  BreakAfterStaging("bad");
  InferRequest request = Text("x");
  request.pinned = VersionId{2};
  const auto answer = engine_->Infer(request);
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.status().code(), Code::kInternal);
  EXPECT_NE(answer.status().message().find("version 2, which the request asked for"), std::string::npos)
      << answer.status().ToString();
  EXPECT_FALSE(answer.status().hint().empty());
  request.pinned.reset();
  request.routing_key = "any";
  EXPECT_EQ(engine_->Infer(request)->version, VersionId{1}) << "without a pin the client does not feel it";
}

TEST_F(EngineTest, OptionsAreChecked) {
  EngineOptions options;
  options.max_batch = 0;
  EXPECT_EQ(StartEngine(options, clock_, std::make_unique<FakeFactory>(state_)).status().code(),
            Code::kInvalidArgument);
  options = {};
  options.node_name = "a:b";
  EXPECT_EQ(StartEngine(options, clock_, std::make_unique<FakeFactory>(state_)).status().code(),
            Code::kInvalidArgument);
}

}  // namespace
}  // namespace perennial::serving
