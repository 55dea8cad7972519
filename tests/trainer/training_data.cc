#include "tests/trainer/training_data.h"

#include <gtest/gtest.h>

#include <array>

#include "storage/base/rng.h"
#include "storage/media/image.h"

namespace perennial::trainer::testing_support {
namespace {

struct Colour {
  const char* name;
  std::array<uint8_t, 3> rgb;
};
constexpr Colour kColours[] = {{"red", {220, 30, 30}}, {"green", {30, 200, 40}}, {"blue", {30, 40, 220}}};

std::vector<std::string> AllFamilies() {
  std::vector<std::string> families = samples::SampleLog::Families();
  for (const std::string& family : OnlineTrainer::Families()) families.push_back(family);
  return families;
}

}  // namespace

format::Sample MakeSample(uint64_t number, const std::string& slice) {
  Rng rng(17, number);
  const Colour& field = kColours[rng.Below(3)];
  const Colour& corner = kColours[rng.Below(3)];
  media::Image image{8, 8, {}};
  for (int y = 0; y < 8; ++y) {
    for (int x = 0; x < 8; ++x) {
      const Colour& colour = x < 4 && y < 4 ? corner : field;
      for (const uint8_t value : colour.rgb) image.pixels.push_back(static_cast<uint8_t>(value + rng.Below(16)));
    }
  }
  const bool asks_corner = number % 2 == 0;
  format::Sample sample;
  sample.image = media::EncodePng(image).value();
  sample.text = asks_corner ? "corner?" : "field?";
  sample.label = std::string(slice == "base" ? "" : slice + "-") + (asks_corner ? corner.name : field.name);
  sample.source = "test";
  sample.id = std::to_string(number);
  sample.slice = slice;
  return sample;
}

format::ModelSpec TinySpec() {
  format::ModelSpec spec;
  spec.size = "custom";
  spec.image_size = 8;
  spec.vision_channels = 8;
  spec.width = 16;
  spec.heads = 2;
  spec.text_layers = 1;
  spec.text_length = 8;
  spec.fusion_layers = 1;
  return spec;
}

TrainerOptions SmallOptions() {
  TrainerOptions options;
  options.spec = TinySpec();
  options.new_per_step = 4;
  options.replay_per_step = 8;
  options.replay.capacity = 20;
  options.warmup_steps = 5;
  options.learning_rate = 3e-3;
  options.ema_decay = 0.97;   // short streams
  options.augment.shift = 0;  // the answer is in a corner of eight pixels
  options.checkpoint_every_steps = 3;
  return options;
}

samples::SampleLogOptions NothingHeldOut() {
  samples::SampleLogOptions options;
  options.held_out_share = 0;
  return options;
}

std::unique_ptr<Hub> Hub::InMemory(samples::SampleLogOptions options) {
  std::unique_ptr<Hub> hub(new Hub);
  hub->store_ = kv::OpenMemory(AllFamilies());
  hub->OpenLog(options);
  return hub;
}

std::unique_ptr<Hub> Hub::OnDisk(const std::string& folder, samples::SampleLogOptions options) {
  std::unique_ptr<Hub> hub(new Hub);
  kv::KvOptions kv_options;
  kv_options.path = folder;
  kv_options.families = AllFamilies();
  auto store = kv::OpenRocks(kv_options);
  EXPECT_TRUE(store.ok()) << store.status().ToString();
  hub->store_ = std::move(*store);
  hub->OpenLog(options);
  return hub;
}

void Hub::OpenLog(const samples::SampleLogOptions& options) {
  auto log = samples::SampleLog::Open(*store_, options, clock_);
  EXPECT_TRUE(log.ok()) << log.status().ToString();
  log_ = std::move(*log);
}

void Hub::Feed(uint64_t begin, uint64_t end, const std::string& slice) {
  std::vector<format::Sample> batch;
  for (uint64_t i = begin; i < end; ++i) batch.push_back(MakeSample(i, slice));
  const auto outcomes = log_->Append(std::move(batch));
  ASSERT_TRUE(outcomes.ok()) << outcomes.status().ToString();
  for (const auto& outcome : *outcomes) {
    EXPECT_EQ(outcome.state, samples::AppendOutcome::State::kAccepted) << outcome.error.ToString();
  }
}

std::unique_ptr<OnlineTrainer> Hub::OpenTrainer(const TrainerOptions& options) {
  auto trainer = OnlineTrainer::Open(options, *log_, *store_, clock_);
  EXPECT_TRUE(trainer.ok()) << trainer.status().ToString();
  return trainer.ok() ? std::move(*trainer) : nullptr;
}

uint64_t TrainAll(OnlineTrainer& trainer, const samples::SampleLog& log, uint64_t max_steps) {
  const SteadyTime deadline = Soon();
  uint64_t steps = 0;
  while (steps < max_steps && trainer.GetStatus().cursor < log.End()) {
    const auto stepped = trainer.Step(deadline);
    EXPECT_TRUE(stepped.ok()) << stepped.status().ToString();
    if (!stepped.ok() || SystemClock().Now() > deadline) {
      ADD_FAILURE() << "the trainer did not reach the end of the log";
      return steps;
    }
    if (*stepped == OnlineTrainer::StepOutcome::kStepped) ++steps;
  }
  return steps;
}

SteadyTime Soon() { return SystemClock().In(std::chrono::seconds(60)); }

}  // namespace perennial::trainer::testing_support
