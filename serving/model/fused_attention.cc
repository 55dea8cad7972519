#include "serving/model/fused_attention.h"

#include <ATen/Parallel.h>

#include <cmath>
#include <vector>

#include "serving/model/gemm.h"
#include "serving/model/softmax_rows.h"

namespace perennial::model {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Sizes of one call, and where a (sample, head) pair starts in each buffer.
struct Layout {
  int64_t batch, queries, keys, width, heads, depth;
  float scale;

  Layout(const torch::Tensor& query, const torch::Tensor& key_value, int64_t head_count)
      : batch(query.size(0)),
        queries(query.size(1)),
        keys(key_value.size(1)),
        width(query.size(2)),
        heads(head_count),
        depth(width / head_count),
        scale(1.0f / std::sqrt(static_cast<float>(depth))) {}

  int64_t Query(int64_t sample, int64_t head) const { return sample * queries * width + head * depth; }
  int64_t Key(int64_t sample, int64_t head) const { return sample * keys * 2 * width + head * depth; }
  int64_t Value(int64_t sample, int64_t head) const { return Key(sample, head) + width; }
  int64_t Score(int64_t sample, int64_t head) const { return (sample * heads + head) * queries * keys; }
};

// Calls body(sample, head) for every pair, in parallel where LibTorch has several threads.
template <typename Body>
void ForEachHead(const Layout& at, const Body& body) {
  at::parallel_for(0, at.batch * at.heads, 16, [&](int64_t begin, int64_t end) {
    for (int64_t pair = begin; pair < end; ++pair) body(pair / at.heads, pair % at.heads);
  });
}

struct AttentionFunction : public torch::autograd::Function<AttentionFunction> {
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& query, const torch::Tensor& key_value,
                               const torch::Tensor& key_bias, int64_t heads) {
    const Layout at(query, key_value, heads);
    auto out = torch::empty_like(query);
    auto probabilities = torch::empty({at.batch, at.heads, at.queries, at.keys}, query.options());
    const auto* q = query.data_ptr<float>();
    const auto* kv = key_value.data_ptr<float>();
    const auto* bias = key_bias.data_ptr<float>();
    auto* p = probabilities.data_ptr<float>();
    auto* o = out.data_ptr<float>();
    ForEachHead(at, [&](int64_t sample, int64_t head) {
      float* scores = p + at.Score(sample, head);
      Gemm(at.queries, at.keys, at.depth, at.scale, {q + at.Query(sample, head), at.width},
           {kv + at.Key(sample, head), 2 * at.width, true}, 0.0f, scores, at.keys);
      SoftmaxRows(scores, bias + sample * at.keys, at.queries, at.keys);
      Gemm(at.queries, at.depth, at.keys, 1.0f, {scores, at.keys}, {kv + at.Value(sample, head), 2 * at.width}, 0.0f,
           o + at.Query(sample, head), at.width);
    });
    context->save_for_backward({query, key_value, probabilities});
    context->saved_data["heads"] = heads;
    return out;
  }

  // With P the probabilities and G the gradient: dV = P^T G, dS = softmax'(G V^T), dQ = scale dS K, dK = scale dS^T Q.
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const Layout at(saved[0], saved[1], context->saved_data["heads"].toInt());
    const auto gradient = gradients[0].contiguous();
    auto to_query = torch::empty_like(saved[0]);
    auto to_key_value = torch::empty_like(saved[1]);
    const auto* q = saved[0].data_ptr<float>();
    const auto* kv = saved[1].data_ptr<float>();
    const auto* p = saved[2].data_ptr<float>();
    const auto* g = gradient.data_ptr<float>();
    auto* dq = to_query.data_ptr<float>();
    auto* dkv = to_key_value.data_ptr<float>();
    ForEachHead(at, [&](int64_t sample, int64_t head) {
      thread_local std::vector<float> scratch;
      scratch.resize(static_cast<size_t>(at.queries * at.keys));
      float* ds = scratch.data();
      const float* probabilities = p + at.Score(sample, head);
      const MatrixRef g_head{g + at.Query(sample, head), at.width};
      Gemm(at.keys, at.depth, at.queries, 1.0f, {probabilities, at.keys, true}, g_head, 0.0f,
           dkv + at.Value(sample, head), 2 * at.width);
      Gemm(at.queries, at.keys, at.depth, 1.0f, g_head, {kv + at.Value(sample, head), 2 * at.width, true}, 0.0f, ds,
           at.keys);
      SoftmaxRowsBackward(probabilities, ds, at.queries, at.keys);
      Gemm(at.queries, at.depth, at.keys, at.scale, {ds, at.keys}, {kv + at.Key(sample, head), 2 * at.width}, 0.0f,
           dq + at.Query(sample, head), at.width);
      Gemm(at.keys, at.depth, at.queries, at.scale, {ds, at.keys, true}, {q + at.Query(sample, head), at.width}, 0.0f,
           dkv + at.Key(sample, head), 2 * at.width);
    });
    return {to_query, to_key_value, torch::Tensor(), torch::Tensor()};
  }
};

}  // namespace

torch::Tensor FusedAttention(const torch::Tensor& query, const torch::Tensor& key_value, const torch::Tensor& key_bias,
                             int64_t heads) {
  return AttentionFunction::apply(query, key_value, key_bias, heads);
}

}  // namespace perennial::model
