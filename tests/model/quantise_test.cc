#include "serving/model/quantise.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "model_fixture.h"

namespace perennial::model {
namespace {

using format::TensorKind;
using format::TensorRecord;

QuantiseOutcome Quantised(const Model& model, const format::VersionImage* frozen = nullptr, uint64_t set = 1) {
  auto outcome = Quantise(model, TestLabels(model.label_count()), frozen, set);
  EXPECT_TRUE(outcome.ok()) << outcome.status().ToString();
  return std::move(outcome).value();
}

const TensorRecord& Find(const format::VersionImage& image, const std::string& name) {
  for (const TensorRecord& record : image.tensors) {
    if (record.name == name) return record;
  }
  throw std::out_of_range(name);
}

TEST(Quantise, ErrorIsAtMostHalfAScaleAndTheRestKeepsElevenBits) {
  const auto model = TestModel(3, 1);
  const auto outcome = Quantised(*model);
  EXPECT_TRUE(outcome.image.Validate().ok());
  EXPECT_EQ(outcome.saturated_ratio, 0.0);
  const auto parameters = model->named_parameters();
  ASSERT_EQ(outcome.image.tensors.size(), parameters.size());
  for (size_t i = 0; i < parameters.size(); ++i) {
    const TensorRecord& record = outcome.image.tensors[i];
    EXPECT_EQ(record.name, parameters[i].key());
    const auto value = parameters[i].value().detach().contiguous();
    const float* data = value.data_ptr<float>();
    const bool rows = record.kind == TensorKind::kInt8Rows;
    EXPECT_EQ(rows, value.dim() >= 2 && !record.name.starts_with("head.")) << record.name;
    const size_t row_size = rows ? record.codes.size() / record.scales.size() : 1;
    for (size_t k = 0; k < static_cast<size_t>(value.numel()); ++k) {
      if (rows) {
        const double scale = record.scales[k / row_size];
        ASSERT_LE(std::fabs(record.codes[k] * scale - double{data[k]}), scale * 0.50001) << record.name;
      } else {
        ASSERT_LE(std::fabs(record.values[k] - data[k]), std::fabs(data[k]) * 0x1.0p-11f) << record.name;
        ASSERT_EQ(std::bit_cast<uint32_t>(record.values[k]) & 0x1fffu, 0u) << record.name;
      }
    }
  }
}

TEST(Quantise, FreshScalesLeaveHalfOfHeadroom) {
  const auto model = TestModel(3, 1);
  const auto outcome = Quantised(*model);
  const TensorRecord& record = Find(outcome.image, "fusion0.mlp.up.weight");
  const auto largest = std::get<0>(model->named_parameters()["fusion0.mlp.up.weight"].abs().max(1));
  for (size_t row = 0; row < record.scales.size(); ++row) {
    const float bound = 1.0f / std::sqrt(static_cast<float>(record.shape[1]));
    const float expected = std::max(largest[static_cast<int64_t>(row)].item<float>(), bound) * 1.5f / 127.0f;
    EXPECT_NEAR(record.scales[row], expected, 1e-7);
  }
}

TEST(Quantise, FrozenScalesAreKeptAndOnlyChangedWeightsChangeTheirCodes) {
  auto model = TestModel(3, 1);
  const auto first = Quantised(*model, nullptr, 7);
  {
    const torch::NoGradGuard no_grad;
    model->named_parameters()["fusion0.mlp.up.weight"][2][3] += 0.05;
    model->GrowLabels(5, 2);
  }
  const auto second = Quantised(*model, &first.image, 8);
  EXPECT_EQ(first.image.scale_set, 7u);
  EXPECT_EQ(second.image.scale_set, 7u);
  size_t changed = 0;
  for (size_t i = 0; i < first.image.tensors.size(); ++i) {
    const auto& before = first.image.tensors[i];
    const auto& after = second.image.tensors[i];
    EXPECT_EQ(before.scales, after.scales) << before.name;
    for (size_t k = 0; k < before.codes.size(); ++k) changed += before.codes[k] != after.codes[k] ? 1 : 0;
  }
  EXPECT_EQ(changed, 1u);
}

TEST(Quantise, CountsWhatFrozenScalesCutOff) {
  auto model = TestModel(3, 1);
  const auto first = Quantised(*model);
  const torch::NoGradGuard no_grad;
  model->named_parameters()["fusion0.mlp.up.weight"][0].fill_(5.0);
  const auto second = Quantised(*model, &first.image);
  const TensorRecord& record = Find(second.image, "fusion0.mlp.up.weight");
  EXPECT_EQ(record.codes[0], 127);
  size_t codes = 0;
  for (const auto& tensor : second.image.tensors) codes += tensor.codes.size();
  EXPECT_DOUBLE_EQ(second.saturated_ratio, 16.0 / static_cast<double>(codes));
}

TEST(Quantise, RowsOfZerosHaveRoomForAFreshRow) {
  auto model = TestModel(3, 1);
  const torch::NoGradGuard no_grad;
  auto weight = model->named_parameters()["fusion0.mlp.up.weight"];
  weight[1].zero_();
  const auto outcome = Quantised(*model);
  const TensorRecord& record = Find(outcome.image, "fusion0.mlp.up.weight");
  const float bound = 1.0f / std::sqrt(static_cast<float>(weight.size(1)));
  EXPECT_FLOAT_EQ(record.scales[1], bound * 1.5f / 127.0f);
  const TensorRecord& zeros = Find(outcome.image, "modulation.film.weight");
  for (const float scale : zeros.scales) EXPECT_GT(scale, 1e-4f);
}

TEST(Quantise, SameWeightsGiveTheSameBytes) {
  EXPECT_EQ(Quantised(*TestModel(3, 1)).image.Root(), Quantised(*TestModel(3, 1)).image.Root());
  EXPECT_NE(Quantised(*TestModel(3, 1)).image.Root(), Quantised(*TestModel(3, 2)).image.Root());
}

TEST(Quantise, HalfwayValuesRoundToEven) {
  auto model = TestModel(3, 1);
  auto first = Quantised(*model);
  for (TensorRecord& record : first.image.tensors) std::fill(record.scales.begin(), record.scales.end(), 0.5f);
  const torch::NoGradGuard no_grad;
  auto row = model->named_parameters()["fusion0.mlp.up.weight"][0];
  for (int64_t k = 0; k < 4; ++k) row[k] = 0.25 + 0.5 * static_cast<double>(k);
  const auto second = Quantised(*model, &first.image);
  const auto& codes = Find(second.image, "fusion0.mlp.up.weight").codes;
  EXPECT_EQ((std::vector<int>{codes[0], codes[1], codes[2], codes[3]}), (std::vector<int>{0, 2, 2, 4}));
}

TEST(Quantise, RefusesDivergedWeightsWrongLabelsAndForeignScales) {
  auto model = TestModel(3, 1);
  EXPECT_EQ(Quantise(*model, TestLabels(2), nullptr, 1).status().code(), Code::kInvalidArgument);
  auto spec = TestSpec();
  spec.width = 32;
  const auto other = Quantised(*TestModel(3, 1, spec));
  EXPECT_EQ(Quantise(*model, TestLabels(3), &other.image, 1).status().code(), Code::kInvalidArgument);
  const torch::NoGradGuard no_grad;
  model->named_parameters()["norm.bias"][0] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(Quantise(*model, TestLabels(3), nullptr, 1).status().code(), Code::kFailedPrecondition);
}

}  // namespace
}  // namespace perennial::model
