#include "serving/model/attention.h"

#include <gtest/gtest.h>

#include "model_fixture.h"

namespace perennial::model {
namespace {

struct Case {
  torch::Tensor query, key_value, key_bias;
};

// Values from a seeded generator of their own; the last `masked` keys of sample 0 are masked.
Case MakeCase(int64_t batch, int64_t queries, int64_t keys, int64_t width, int64_t masked) {
  auto generator = at::detail::createCPUGenerator(5);
  Case out{torch::randn({batch, queries, width}, generator), torch::randn({batch, keys, 2 * width}, generator),
           torch::zeros({batch, keys})};
  out.key_bias[0].slice(0, keys - masked).fill_(kMaskedScore);
  return out;
}

Case Doubled(const Case& c) {
  return {c.query.to(torch::kDouble), c.key_value.to(torch::kDouble), c.key_bias.to(torch::kDouble)};
}

TEST(Attention, FastPathEqualsWrittenOutWithItsGradients) {
  for (const auto& [queries, keys, width, heads] :
       std::vector<std::array<int64_t, 4>>{{5, 7, 8, 2}, {1, 1, 4, 4}, {16, 57, 48, 4}, {3, 100, 6, 1}}) {
    auto fast = MakeCase(3, queries, keys, width, keys / 2);
    auto exact = Doubled(fast);
    for (auto* c : {&fast, &exact}) {
      c->query.requires_grad_();
      c->key_value.requires_grad_();
    }
    const auto a = ScaledAttention(fast.query, fast.key_value, fast.key_bias, heads);
    const auto b = ScaledAttention(exact.query, exact.key_value, exact.key_bias, heads);
    EXPECT_LT(Distance(a, b), 1e-5);
    (a * a).sum().backward();
    (b * b).sum().backward();
    EXPECT_LT(Distance(fast.query.grad(), exact.query.grad()), 1e-4);
    EXPECT_LT(Distance(fast.key_value.grad(), exact.key_value.grad()), 1e-4);
  }
}

TEST(Attention, MaskedKeysHaveExactlyNoInfluence) {
  auto c = MakeCase(2, 4, 9, 8, 3);
  const auto before = ScaledAttention(c.query, c.key_value, c.key_bias, 2);
  c.key_value[0].slice(0, 6).mul_(50.0);
  const auto after = ScaledAttention(c.query, c.key_value, c.key_bias, 2);
  EXPECT_TRUE(torch::equal(before, after));
}

TEST(Attention, RowWithoutAnyKeyIsFinite) {
  const auto c = MakeCase(1, 4, 6, 8, 6);
  EXPECT_TRUE(ScaledAttention(c.query, c.key_value, c.key_bias, 2).isfinite().all().item<bool>());
}

TEST(Attention, NonContiguousInputsAreReadRight) {
  const auto c = MakeCase(2, 4, 6, 8, 0);
  const auto stored = c.query.transpose(0, 1).contiguous();
  const auto view = stored.transpose(0, 1);
  ASSERT_FALSE(view.is_contiguous());
  EXPECT_TRUE(torch::equal(ScaledAttention(c.query, c.key_value, c.key_bias, 2),
                           ScaledAttention(view, c.key_value, c.key_bias, 2)));
}

}  // namespace
}  // namespace perennial::model
