#include "trainer/instant_learner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "serving/model/quantise.h"
#include "storage/base/rng.h"
#include "tests/format/mangle.h"

namespace perennial::trainer {
namespace {

format::ModelSpec Network() {
  format::ModelSpec spec = *format::ModelSpec::Preset("mlp");
  spec.image_size = 16;
  spec.width = 12;
  return spec;
}

InstantOptions Options() {
  InstantOptions options;
  options.spec.width = 96;
  options.spec.seed = 4;
  return options;
}

struct Data {
  model::ModelInput input;
  std::vector<int64_t> labels;
};

// Pictures with a bright bar whose place and direction say the label, on noise.
Data MakeData(int64_t count, int64_t labels, uint64_t seed) {
  Data out;
  out.input.images = torch::zeros({count, 3, 16, 16});
  out.input.has_image = torch::ones({count}, torch::kBool);
  out.input.tokens = torch::zeros({count, 1}, torch::kLong);
  out.input.has_text = torch::zeros({count}, torch::kBool);
  auto* pixels = out.input.images.data_ptr<float>();
  for (int64_t i = 0; i < count; ++i) {
    Rng rng(seed, static_cast<uint64_t>(i));
    const auto label = static_cast<int64_t>(rng.Below(static_cast<uint64_t>(labels)));
    out.labels.push_back(label);
    for (int64_t p = 0; p < 3 * 256; ++p) {
      const int64_t y = p % 256 / 16, x = p % 16, along = label % 2 == 0 ? y : x;
      const uint64_t bright = along / 3 == label / 2 + 1 ? 120 : 0;
      pixels[i * 768 + p] = static_cast<float>(static_cast<double>(rng.Below(130) + bright) / 127.5 - 1);
    }
  }
  return out;
}

Data Part(const Data& data, const std::vector<int64_t>& rows) {
  const torch::Tensor index = torch::tensor(rows, torch::kLong);
  Data out;
  out.input = {data.input.images.index_select(0, index), data.input.has_image.index_select(0, index),
               data.input.tokens.index_select(0, index), data.input.has_text.index_select(0, index)};
  for (const int64_t row : rows) out.labels.push_back(data.labels[static_cast<size_t>(row)]);
  return out;
}

std::vector<int64_t> Range(int64_t first, int64_t end) {
  std::vector<int64_t> rows(static_cast<size_t>(end - first));
  std::iota(rows.begin(), rows.end(), first);
  return rows;
}

std::unique_ptr<InstantLearner> Learner(const Data& data = {}) {
  auto learner = InstantLearner::Open(Options(), Network());
  EXPECT_TRUE(learner.ok()) << learner.status().ToString();
  if (!data.labels.empty()) {
    EXPECT_TRUE((*learner)->Observe(data.input, data.labels).ok());
  }
  return *std::move(learner);
}

double Accuracy(const InstantLearner& learner, const model::InstantSolution& solution, const Data& data) {
  const auto scores = learner.Scores(solution, data.input);
  EXPECT_TRUE(scores.ok());
  double correct = 0;
  for (size_t i = 0; i < data.labels.size(); ++i) {
    const auto row = scores->begin() + static_cast<std::ptrdiff_t>(i) * solution.labels();
    correct += std::max_element(row, row + solution.labels()) - row == data.labels[i] ? 1 : 0;
  }
  return correct / static_cast<double>(data.labels.size());
}

TEST(InstantLearner, LearnsInOnePassWhateverTheOrder) {
  const Data data = MakeData(400, 6, 1), fresh = MakeData(200, 6, 2);
  const auto learner = Learner(data);
  const auto solution = learner->Solve(6);
  ASSERT_TRUE(solution.ok()) << solution.status().ToString();
  EXPECT_GT(Accuracy(*learner, *solution, fresh), 0.9);
  // One label after the other, seven at a time: the worst stream there is for a trained head.
  std::vector<int64_t> order = Range(0, 400);
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    return data.labels[static_cast<size_t>(a)] < data.labels[static_cast<size_t>(b)];
  });
  const auto sorted = Learner();
  for (size_t first = 0; first < order.size(); first += 7) {
    const Data part = Part(data, {order.begin() + static_cast<std::ptrdiff_t>(first),
                                  order.begin() + static_cast<std::ptrdiff_t>(std::min(first + 7, order.size()))});
    ASSERT_TRUE(sorted->Observe(part.input, part.labels).ok());
  }
  const auto same = sorted->Solve(6);
  ASSERT_TRUE(same.ok());
  EXPECT_EQ(same->weight, solution->weight);
  EXPECT_EQ(sorted->Save(), learner->Save());
}

TEST(InstantLearner, ForgettingLeavesNoTrace) {
  const Data data = MakeData(120, 4, 3);
  const auto learner = Learner(data);
  const Data gone = Part(data, Range(80, 120));
  ASSERT_TRUE(learner->Forget(gone.input, gone.labels).ok());
  const auto without = Learner(Part(data, Range(0, 80)));
  EXPECT_EQ(learner->Save(), without->Save());
  EXPECT_EQ(learner->Solve(4, true)->weight, without->Solve(4)->weight);
  EXPECT_EQ(learner->samples(), 80);
}

TEST(InstantLearner, FewNewSamplesAreAnUpdateThatAgrees) {
  InstantOptions options = Options();
  options.spec.width = 400;
  auto learner = InstantLearner::Open(options, Network());
  ASSERT_TRUE(learner.ok());
  const Data data = MakeData(600, 4, 4);
  const Data first = Part(data, Range(0, 590)), rest = Part(data, Range(590, 600));
  ASSERT_TRUE((*learner)->Observe(first.input, first.labels).ok());
  ASSERT_TRUE((*learner)->Solve(4).ok());
  ASSERT_TRUE((*learner)->Observe(rest.input, rest.labels).ok());
  const auto updated = (*learner)->Solve(4);
  const auto anew = (*learner)->Solve(4, true);
  ASSERT_TRUE(updated.ok() && anew.ok());
  EXPECT_NE(updated->weight, anew->weight) << "the first was an update";
  const auto scores = (*learner)->Scores(*updated, data.input), expected = (*learner)->Scores(*anew, data.input);
  for (size_t i = 0; i < scores->size(); ++i) ASSERT_NEAR((*scores)[i], (*expected)[i], 5e-3f);
}

TEST(InstantLearner, ANewLabelAnswersAfterAFewSamples) {
  Data data = MakeData(600, 6, 5);
  std::vector<int64_t> rows;
  int64_t late = 0;
  for (int64_t i = 0; i < 600; ++i) {
    if (data.labels[static_cast<size_t>(i)] != 5 || ++late <= 10) rows.push_back(i);
  }
  const auto learner = Learner(Part(data, rows));
  const auto solution = learner->Solve(6);
  ASSERT_TRUE(solution.ok());
  const Data fresh = MakeData(300, 6, 6);
  std::vector<int64_t> of_label;
  for (int64_t i = 0; i < 300; ++i) {
    if (fresh.labels[static_cast<size_t>(i)] == 5) of_label.push_back(i);
  }
  EXPECT_GT(Accuracy(*learner, *solution, Part(fresh, of_label)), 0.7);
}

TEST(InstantLearner, LoadGoesOnAsIfItHadNeverStopped) {
  const Data data = MakeData(100, 4, 7);
  const Data first = Part(data, Range(0, 55)), rest = Part(data, Range(55, 100));
  const auto learner = Learner(first);
  auto back = InstantLearner::Load(learner->Save(), Options(), Network());
  ASSERT_TRUE(back.ok()) << back.status().ToString();
  ASSERT_TRUE((*back)->Observe(rest.input, rest.labels).ok());
  EXPECT_EQ((*back)->Save(), Learner(data)->Save());
}

TEST(InstantLearner, RefusesOtherFeaturesAndBrokenBytes) {
  const auto learner = Learner(MakeData(9, 3, 8));
  const std::string bytes = learner->Save();
  const auto load = [](const std::string& b) { return InstantLearner::Load(b, Options(), Network()); };
  InstantOptions other = Options();
  other.spec.seed++;
  EXPECT_EQ(InstantLearner::Load(bytes, other, Network()).status().code(), Code::kFailedPrecondition);
  format::ModelSpec larger = Network();
  larger.image_size = 20;
  EXPECT_EQ(InstantLearner::Load(bytes, Options(), larger).status().code(), Code::kFailedPrecondition);
  for (size_t size = 0; size < bytes.size(); size += size < 80 ? 1 : 97) {
    EXPECT_FALSE(load(bytes.substr(0, size)).ok()) << size;
  }
  EXPECT_FALSE(load(bytes + '\0').ok());
  format::SurvivesRandomDamage(bytes, 9, 300, load);
}

TEST(InstantLearner, ABatchThatDoesNotFitIsRefused) {
  const Data data = MakeData(5, 3, 10);
  const auto learner = Learner();
  EXPECT_EQ(learner->Observe(data.input, {0, 1}).code(), Code::kInvalidArgument);
  model::ModelInput small = data.input;
  small.images = small.images.narrow(2, 0, 8);
  EXPECT_EQ(learner->Observe(small, data.labels).code(), Code::kInvalidArgument);
  EXPECT_EQ(learner->Forget(data.input, data.labels).code(), Code::kFailedPrecondition);
  EXPECT_EQ(learner->Solve(3).status().code(), Code::kFailedPrecondition) << "nothing observed";
}

TEST(InstantLearner, SamplesThatWaitAreInTheSolutionAndLeaveNoTrace) {
  const Data first = MakeData(60, 4, 11), waiting = MakeData(20, 6, 12);
  const auto learner = Learner(first), both = Learner(first);
  const std::string before = learner->Save();
  const auto with = learner->SolveWith(waiting.input, waiting.labels, 7);
  ASSERT_TRUE(with.ok()) << with.status().ToString();
  EXPECT_EQ(learner->Save(), before);
  ASSERT_TRUE(both->Observe(waiting.input, waiting.labels).ok());
  const auto observed = both->Solve(7, true);
  ASSERT_TRUE(observed.ok());
  EXPECT_EQ(with->weight, observed->weight);
  EXPECT_EQ(with->bias, observed->bias);
  EXPECT_EQ(with->labels(), 7);
  EXPECT_EQ(learner->SolveWith(waiting.input, {0}, 7).status().code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace perennial::trainer
