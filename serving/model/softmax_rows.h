#pragma once

#include <cstdint>

namespace perennial::model {

// In place over each of `rows` rows of `columns` values: p[j] = exp(s[j] + bias[j] - m) / sum_k exp(s[k] + bias[k] -
// m), m the row's largest s + bias. A column whose bias puts it 87 below the largest gets exactly 0, so a masked key
// leaves no trace. REQUIRES columns >= 1.
void SoftmaxRows(float* scores, const float* bias, int64_t rows, int64_t columns);

// The derivative with respect to s, in place of `gradient`: g[j] = p[j] * (g[j] - sum_k g[k] * p[k]).
void SoftmaxRowsBackward(const float* probabilities, float* gradient, int64_t rows, int64_t columns);

}  // namespace perennial::model
