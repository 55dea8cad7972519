// Steps that never wait for the device against steps that look at every value, and recorded against not recorded.
#include "trainer/device_step.h"

#include <gtest/gtest.h>

#include <limits>

#include "serving/model/preprocess.h"
#include "storage/base/bytes.h"
#include "tests/trainer/training_data.h"
#include "trainer/learner.h"
#include "trainer/stored_logits.h"
#include "trainer/tensor_arena.h"

namespace perennial::trainer {
namespace {

using testing_support::Hub;
using testing_support::TrainAll;

constexpr int64_t kSide = 16;

TrainerOptions ResnetOptions(const std::string& step, const std::string& device = "cpu") {
  TrainerOptions options = testing_support::SmallOptions();
  format::ModelSpec spec = *format::ModelSpec::Preset("resnet18");
  spec.vision_channels = 4;
  spec.vision_blocks = 1;
  spec.width = 32;
  spec.image_size = kSide;
  options.UseRecipeOf(spec);
  options.strategy = "default";
  options.step = step;
  options.device = device;
  return options;
}

// Rows 4 new and 8 replayed.
StepBatch RandomBatch(int64_t labels, uint64_t seed) {
  torch::manual_seed(seed);
  StepBatch batch;
  batch.input.images = torch::randint(256, {12, kSide, kSide, 3}).to(torch::kUInt8).permute({0, 3, 1, 2});
  batch.input.has_image = torch::ones({12}, torch::kBool);
  batch.input.tokens = torch::zeros({12, 1}, torch::kLong);
  batch.input.has_text = torch::zeros({12}, torch::kBool);
  batch.targets = torch::randint(labels, {12}, torch::kLong);
  batch.fresh = 4;
  batch.memory = 20;
  batch.stored_logits = torch::randn({8, labels});
  batch.stored_logits[0].fill_(std::numeric_limits<float>::quiet_NaN());
  return batch;
}

StepBatch BadBatch(int64_t labels) {
  StepBatch batch = RandomBatch(labels, 99);
  batch.input.images = model::UnpackImages(batch.input.images).contiguous();
  batch.input.images[5].fill_(std::numeric_limits<float>::infinity());
  return batch;
}

struct Trained {
  std::vector<double> losses;
  LearnerState state;
  uint64_t recordings = 0;
};

Trained TrainSteps(const TrainerOptions& options, uint64_t begin, uint64_t end, int64_t grow_at = -1) {
  auto strategy = *MakeStrategy(options.strategy);
  auto learner = *Learner::Build(options, 3, strategy.get());
  Trained out;
  int64_t labels = 3;
  for (uint64_t step = begin; step < end; ++step) {
    if (static_cast<int64_t>(step) == grow_at) learner->Grow(labels = 5);
    StepBatch batch = RandomBatch(labels, step);
    // From 0, and over a thousand where steps are: there ewc and lwf take a snapshot of what they learned.
    batch.number = step < 1000 ? step - begin : step;
    const StepResult result = learner->Step(*strategy, batch, step);
    EXPECT_TRUE(result.applied) << step;
    if (strategy->UsesStoredLogits()) {
      EXPECT_EQ(result.logits.sizes(), (torch::IntArrayRef{12, labels}));
    }
    out.losses.push_back(result.loss);
  }
  out.state = learner->State();
  out.recordings = learner->recordings();
  return out;
}

void ExpectClose(const Trained& a, const Trained& b, double tolerance) {
  ASSERT_EQ(a.losses.size(), b.losses.size());
  for (size_t i = 0; i < a.losses.size(); ++i) {
    EXPECT_NEAR(a.losses[i], b.losses[i], tolerance * std::max(1.0, a.losses[i])) << "step " << i;
  }
  EXPECT_EQ(a.state.layout, b.state.layout);
  EXPECT_EQ(a.state.optimiser_steps, b.state.optimiser_steps);
  EXPECT_TRUE(torch::allclose(a.state.weights, b.state.weights, 1e-2, tolerance));
  EXPECT_TRUE(torch::allclose(a.state.average, b.state.average, 1e-2, tolerance));
}

// Over the step in which the teacher begins to teach; with every rule that has device rates of its own.
TEST(DeviceStep, OnTheCpuIsTheHostsStep) {
  for (const std::string optimiser : {"sgd", "adamw"}) {
    for (const std::string strategy : {"default", "er_ace", "cls_er", "der_pp", "ewc", "lwf", "max"}) {
      TrainerOptions options = ResnetOptions("host");
      options.strategy = strategy;
      options.optimiser = optimiser;
      options.learning_rate = 1e-3;
      options.weight_decay = 0.1;
      options.max_gradient_norm = 0.5;
      options.momentum = optimiser == "sgd" ? 0.9 : 0;
      options.teacher_decay = 0.9;
      options.warmup_steps = 5;
      const auto losses = [&](const std::string& step) {
        options.step = step;
        auto chosen = *MakeStrategy(strategy);
        auto learner = *Learner::Build(options, 3, chosen.get());
        Trained out;
        for (uint64_t at = 96; at < 104; ++at) {
          StepBatch batch = RandomBatch(3, at);
          batch.number = at < 100 ? at - 96 : at + 900;  // over a snapshot of what the first four taught
          batch.rate_factor = at % 2 == 0 ? 1 : 0.5;
          out.losses.push_back(learner->Step(*chosen, batch, at).loss);
        }
        out.state = learner->State();
        if (strategy == "ewc") {
          EXPECT_GT(out.state.records[0].sum().item<double>(), 0) << "nothing is pulled";
        }
        if (strategy == "lwf") {
          EXPECT_GT(ByteReader(chosen->Save()).Varint(), 0u) << "nothing is distilled";
        }
        return out;
      };
      SCOPED_TRACE(optimiser + " " + strategy);
      ExpectClose(losses("host"), losses("device"), 1e-4);
    }
  }
}

TEST(DeviceStep, AStepThatIsNotFiniteChangesNothing) {
  for (const std::string optimiser : {"sgd", "adamw"}) {
    TrainerOptions options = ResnetOptions("device");
    options.optimiser = optimiser;
    options.weight_decay = 0.1;
    options.max_gradient_norm = 1;
    auto learner = *Learner::Build(options, 3);
    auto strategy = *MakeStrategy("default");
    ASSERT_TRUE(learner->Step(*strategy, RandomBatch(3, 1), 0).applied);
    const LearnerState before = learner->State();
    EXPECT_FALSE(learner->Step(*strategy, BadBatch(3), 1).applied);
    const LearnerState after = learner->State();
    EXPECT_TRUE(torch::equal(before.weights, after.weights)) << optimiser;
    EXPECT_TRUE(torch::equal(before.average, after.average)) << optimiser;
    EXPECT_TRUE(torch::equal(before.moment1, after.moment1)) << optimiser;
    EXPECT_TRUE(torch::equal(before.moment2, after.moment2)) << optimiser;
    EXPECT_EQ(before.optimiser_steps, after.optimiser_steps);
    EXPECT_TRUE(learner->Step(*strategy, RandomBatch(3, 2), 2).applied);
  }
}

// The one order in memory for every checkpoint.
TEST(FlatParameters, ChannelsLastAreExportedRowMajor) {
  const format::ModelSpec spec = ResnetOptions("host").spec;
  const auto rows = *model::BuildModel(spec, 3, 1), channels = *model::BuildModel(spec, 3, 1);
  FlatParameters rows_last(*rows, true), channels_last(*channels, true, true);
  ASSERT_EQ(rows_last.layout(), channels_last.layout());
  EXPECT_FALSE(torch::equal(rows_last.values(), channels_last.values()));
  const torch::Tensor exported = channels_last.Export(channels_last.values());
  EXPECT_TRUE(torch::equal(exported, rows_last.values()));
  torch::Tensor back = torch::zeros_like(channels_last.values());
  channels_last.Import(exported, back);
  EXPECT_TRUE(torch::equal(back, channels_last.values()));
  const auto weight = channels->named_parameters()["stage1_block0.conv1.weight"];
  EXPECT_TRUE(weight.is_contiguous(torch::MemoryFormat::ChannelsLast));
  EXPECT_TRUE(torch::equal(weight, rows->named_parameters()["stage1_block0.conv1.weight"]));
}

TEST(DeviceStep, AStateGoesFromHostToDeviceAndBack) {
  const Trained host = TrainSteps(ResnetOptions("host"), 0, 3);
  auto device = *Learner::Restore(ResnetOptions("device"), 3, host.state);
  const LearnerState back = device->State();
  EXPECT_TRUE(torch::equal(back.weights, host.state.weights)) << "whatever the order in memory";
  EXPECT_TRUE(torch::equal(back.average, host.state.average));
  EXPECT_TRUE(torch::equal(back.moment1, host.state.moment1));
}

// A step that begins before the last one ended has its logits all the same: where it drew what that brought.
void ExpectAheadIsInTurn(const TrainerOptions& options) {
  const auto train = [&](bool ahead) {
    auto strategy = *MakeStrategy("default");
    auto learner = *Learner::Build(options, 3, strategy.get());
    EXPECT_TRUE(learner->MayRunAhead(*strategy));
    Trained out;
    torch::Tensor logits;
    const auto finish = [&] {
      const StepResult result = learner->Finish(*strategy);
      out.losses.push_back(result.loss);
      logits = AsStored(result.logits);
    };
    for (uint64_t step = 200; step < 212; ++step) {
      StepBatch batch = RandomBatch(3, step);
      batch.number = step;
      // Rows 3 and 5 are the first and the last new one of the step before.
      batch.earlier_rows = torch::full({8}, -1, torch::kLong);
      if (step > 200 && ahead) {
        batch.earlier_rows[3] = 0;
        batch.earlier_rows[5] = 3;
      } else if (step > 200) {
        finish();
        batch.stored_logits[3] = logits[0];
        batch.stored_logits[5] = logits[3];
      }
      learner->Begin(*strategy, std::move(batch), step);
      if (step > 200 && ahead) finish();
    }
    finish();
    out.state = learner->State();
    return out;
  };
  const Trained in_turn = train(false), ahead = train(true);
  // A GPU adds up in no fixed order.
  if (options.device != "cpu") return ExpectClose(in_turn, ahead, 1e-3);
  EXPECT_EQ(in_turn.losses, ahead.losses);
  EXPECT_TRUE(torch::equal(in_turn.state.weights, ahead.state.weights));
}

TEST(DeviceStep, OneAheadIsTheSameAsInTurn) { ExpectAheadIsInTurn(ResnetOptions("device")); }

TEST(DeviceStep, OnlyStepsWhoseRatesAreKnownRunAhead) {
  const auto may = [](TrainerOptions options, const char* strategy) {
    auto chosen = *MakeStrategy(strategy);
    return (*Learner::Build(options, 3, chosen.get()))->MayRunAhead(*chosen);
  };
  TrainerOptions options = ResnetOptions("device");
  EXPECT_TRUE(may(options, "er"));
  options.warmup_steps = 5;
  EXPECT_FALSE(may(options, "er"));
  options.warmup_steps = 0;
  options.optimiser = "adamw";
  EXPECT_FALSE(may(options, "er"));
  EXPECT_FALSE(may(ResnetOptions("host"), "er"));
}

TEST(DeviceStep, GrowsAndSeesOtherShapes) { TrainSteps(ResnetOptions("device"), 0, 8, 4); }

// A batch is the same, and so is what the memory holds of it, although its logits come one step later.
TEST(DeviceStep, TheTrainerLearnsTheSameAndResumes) {
  const auto train = [](Hub& hub, const std::string& step, const std::string& name, uint64_t per_run) {
    TrainerOptions options = ResnetOptions(step);
    options.name = name;
    for (int run = 0; run < 40; ++run) {
      auto trainer = hub.OpenTrainer(options);
      TrainAll(*trainer, hub.log(), per_run);
      if (trainer->GetStatus().cursor == hub.log().End())
        return std::pair(trainer->Fingerprint(), trainer->GetStatus().loss);
    }
    ADD_FAILURE() << "no end";
    return std::pair(Hash256(), 0.0);
  };
  auto hub = Hub::InMemory();
  hub->Feed(0, 80, "base");
  ASSERT_TRUE(hub->log().AppendFlush().ok());
  const auto host = train(*hub, "host", "host", UINT64_MAX);
  const auto whole = train(*hub, "device", "device", UINT64_MAX);
  const auto broken = train(*hub, "device", "broken", 4);
  EXPECT_EQ(whole.first, broken.first);
  EXPECT_NEAR(host.second, whole.second, 0.02 * host.second);
}

TEST(TensorArena, HoldsWhatWasFilledLastAndRefusesOtherShapes) {
  const std::vector<torch::Tensor> list = {torch::arange(6).to(torch::kUInt8).view({2, 3}).t(), torch::Tensor(),
                                           torch::tensor({1.5F, 2.5F}), torch::tensor({true, false})};
  TensorArena arena(list, torch::kCPU);
  arena.Fill(list);
  arena.Upload();
  for (size_t i = 0; i < list.size(); ++i) {
    ASSERT_EQ(arena.views()[i].defined(), list[i].defined());
    if (!list[i].defined()) continue;
    EXPECT_TRUE(torch::equal(arena.views()[i], list[i])) << i;
  }
  std::vector<torch::Tensor> other = list;
  other[2] = torch::tensor({1.0F});
  EXPECT_THROW(arena.Fill(other), c10::Error);
}

TEST(TrainerOptions, PrecisionsAndGraphsNeedADevice) {
  TrainerOptions options = ResnetOptions("graph");
  EXPECT_FALSE(options.Validate().ok());
  options = ResnetOptions("host");
  options.precision = "bfloat16";
  EXPECT_FALSE(options.Validate().ok());
  options.precision = "float16";
  EXPECT_FALSE(options.Validate().ok());
  options = ResnetOptions("graph", "cuda");
  options.precision = "bfloat16";
  EXPECT_TRUE(options.Validate().ok());
  options.strategy = "max";
  EXPECT_FALSE(options.Validate().ok()) << "it moves weights by less than bfloat16 tells apart";
}

class OnCuda : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!torch::cuda::is_available()) GTEST_SKIP() << "NO CUDA DEVICE: recorded steps are not tested here";
  }
};

TEST_F(OnCuda, RecordedIsNotRecordedIsHost) {
  // At a rate at which rounding does not grow into another course.
  const auto train = [](const std::string& step) {
    TrainerOptions options = ResnetOptions(step, "cuda");
    options.learning_rate = 1e-3;
    return TrainSteps(options, 80, 130);
  };
  const Trained host = train("host");
  const Trained device = train("device");
  const Trained graph = train("graph");
  EXPECT_EQ(device.recordings, 0u);
  EXPECT_EQ(graph.recordings, 2u) << "one before the teacher teaches, one since";
  ExpectClose(host, device, 2e-2);
  ExpectClose(device, graph, 2e-2);
}

// Snapshots, records and looks further up are recorded as they are done.
TEST_F(OnCuda, RecordedIsNotRecordedForEveryKindOfStrategy) {
  for (const std::string strategy : {"ewc", "lwf", "max"}) {
    const auto train = [&](const std::string& step) {
      TrainerOptions options = ResnetOptions(step, "cuda");
      options.strategy = strategy;
      options.learning_rate = 1e-3;
      return TrainSteps(options, 980, 1030);
    };
    SCOPED_TRACE(strategy);
    const Trained graph = train("graph");
    EXPECT_GT(graph.recordings, 0u);
    if (strategy == "ewc") {
      EXPECT_GT(graph.state.records[0].sum().item<double>(), 0) << "nothing is pulled";
    }
    const Trained device = train("device");
    ExpectClose(train("host"), device, 2e-2);
    ExpectClose(device, graph, 2e-2);
    for (size_t i = 0; i < graph.state.records.size(); ++i) {
      EXPECT_TRUE(torch::allclose(graph.state.records[i], device.state.records[i], 0.1, 1e-3)) << i;
    }
  }
}

TEST_F(OnCuda, OneAheadIsTheSameAsInTurn) {
  for (const std::string step : {"device", "graph"}) ExpectAheadIsInTurn(ResnetOptions(step, "cuda"));
}

TEST_F(OnCuda, GrowthRecordsAnew) {
  const Trained graph = TrainSteps(ResnetOptions("graph", "cuda"), 200, 220, 210);
  EXPECT_EQ(graph.recordings, 2u);
  ExpectClose(TrainSteps(ResnetOptions("device", "cuda"), 200, 220, 210), graph, 2e-2);
}

TEST_F(OnCuda, ARecordedStepThatIsNotFiniteChangesNothing) {
  auto learner = *Learner::Build(ResnetOptions("graph", "cuda"), 3);
  auto strategy = *MakeStrategy("default");
  const auto floats = [](StepBatch batch) {
    batch.input.images = model::UnpackImages(batch.input.images).contiguous();
    return batch;
  };
  for (uint64_t step = 200; step < 210; ++step) learner->Step(*strategy, floats(RandomBatch(3, step)), step);
  ASSERT_EQ(learner->recordings(), 1u);
  const LearnerState before = learner->State();
  EXPECT_FALSE(learner->Step(*strategy, BadBatch(3), 210).applied);
  EXPECT_EQ(learner->recordings(), 1u);
  const LearnerState after = learner->State();
  EXPECT_TRUE(torch::equal(before.weights, after.weights));
  EXPECT_TRUE(torch::equal(before.average, after.average));
  EXPECT_TRUE(learner->Step(*strategy, floats(RandomBatch(3, 5)), 211).applied);
}

TEST_F(OnCuda, BFloat16LearnsToo) {
  TrainerOptions options = ResnetOptions("graph", "cuda");
  const Trained exact = TrainSteps(options, 200, 230);
  options.precision = "bfloat16";
  const Trained rounded = TrainSteps(options, 200, 230);
  EXPECT_EQ(rounded.recordings, 1u);
  for (size_t i = 0; i < 5; ++i) EXPECT_NEAR(exact.losses[i], rounded.losses[i], 0.1 * exact.losses[i]) << i;
}

TEST_F(OnCuda, TheTrainerMakesCandidatesAndGoesOn) {
  auto hub = Hub::InMemory();
  hub->Feed(0, 120, "base");
  ASSERT_TRUE(hub->log().AppendFlush().ok());
  auto trainer = hub->OpenTrainer(ResnetOptions("auto", "cuda"));
  TrainAll(*trainer, hub->log(), 20);
  ASSERT_TRUE(trainer->MakeCandidate(nullptr, 1, 0).ok());
  TrainAll(*trainer, hub->log());
  const auto candidate = trainer->MakeCandidate(nullptr, 2, 0);
  ASSERT_TRUE(candidate.ok()) << candidate.status().ToString();
  EXPECT_EQ(trainer->GetStatus().skipped_steps, 0u);
}

}  // namespace
}  // namespace perennial::trainer
