#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

#include "storage/base/rng.h"
#include "trainer/instant_statistics.h"

// Made-up features for tests of the closed-form head: integers of 0 .. 127 that lean towards their label's own pattern.
namespace perennial::trainer {

struct InstantRows {
  int64_t width = 0;
  std::vector<float> rows;      // [n, width]
  std::vector<int64_t> labels;  // [n]
  int64_t count() const { return static_cast<int64_t>(labels.size()); }
};

// Label 0 has more samples than the others.
inline InstantRows MakeRows(int64_t count, int64_t width, int64_t labels, uint64_t seed) {
  InstantRows out;
  out.width = width;
  for (int64_t i = 0; i < count; ++i) {
    Rng rng(seed, static_cast<uint64_t>(i));
    const auto label = static_cast<int64_t>(rng.Chance(0.4) ? 0 : rng.Below(static_cast<uint64_t>(labels)));
    out.labels.push_back(label);
    for (int64_t j = 0; j < width; ++j) {
      const uint64_t pattern = Mix64(static_cast<uint64_t>(label * width + j)) % 40;
      out.rows.push_back(static_cast<float>(std::min<uint64_t>(127, pattern + rng.Below(60))));
    }
  }
  return out;
}

// Adds samples in the order of `order`, `batch` at a time.
inline InstantStatistics StatisticsOf(const InstantRows& data, const std::vector<int64_t>& order, int64_t batch) {
  InstantStatistics out(data.width);
  for (size_t first = 0; first < order.size(); first += static_cast<size_t>(batch)) {
    std::vector<float> rows;
    std::vector<int64_t> labels;
    for (size_t i = first; i < std::min(order.size(), first + static_cast<size_t>(batch)); ++i) {
      const auto* row = data.rows.data() + order[i] * data.width;
      rows.insert(rows.end(), row, row + data.width);
      labels.push_back(data.labels[static_cast<size_t>(order[i])]);
    }
    EXPECT_TRUE(out.Add(rows.data(), labels.data(), static_cast<int64_t>(labels.size())).ok());
  }
  out.Flush();
  return out;
}

inline std::vector<int64_t> InOrder(int64_t first, int64_t end) {
  std::vector<int64_t> order(static_cast<size_t>(end - first));
  std::iota(order.begin(), order.end(), first);
  return order;
}

}  // namespace perennial::trainer
