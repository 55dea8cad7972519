#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "updater/range_coder.h"

// The model of a code difference: which neighbours say how likely it is. Integers only. Thread-compatible.
namespace perennial::updater {

// Codes the differences of one block, a matrix (or a part of one, row-major) at a time. Rows and columns of weights
// move at rates of their own, so the context of a size is the mean of two running means of |difference|: of the codes
// before it and of those above it. The sign's context are the signs to the left and above: gradients of one step are of
// low rank. A size is coded in unary up to kUnary, the rest in an Elias gamma code with adaptive length.
class CodeModel {
 public:
  // Coder: RangeEncoder (the differences stay what they are) or RangeDecoder (they are written), i < count; `column` is
  // the first one's. REQUIRES width >= 1, column < width.
  template <class Coder>
  void CodeMatrix(Coder& coder, int8_t* differences, size_t count, size_t width, size_t column);

 private:
  // Running means in 1/256, of the memory of 2^shift codes.
  static constexpr int kRowShift = 4, kColumnShift = 3;
  static constexpr int kUnary = 18;
  static constexpr std::array<int, 21> kLevels{4,   8,   16,  24,   32,   48,   64,   96,   128,  192, 256,
                                               384, 512, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192};
  struct SizeContext {
    AdaptiveBit zero;
    std::array<AdaptiveBit, kUnary> more;  // more[k]: larger than k, given at least k
  };
  static size_t Level(int mean) {
    return static_cast<size_t>(std::upper_bound(kLevels.begin(), kLevels.end(), mean) - kLevels.begin());
  }
  static size_t Sign(int difference) { return difference < 0 ? 0 : difference == 0 ? 1 : 2; }

  template <class Coder>
  int CodeOne(Coder& coder, SizeContext& size, AdaptiveBit& sign, int difference);
  template <class Coder>
  int CodeRest(Coder& coder, int rest);

  std::array<SizeContext, kLevels.size() + 1> sizes_;
  std::array<AdaptiveBit, 9> signs_;
  std::array<AdaptiveBit, 8> rest_lengths_;
  int row_mean_ = 0;
  std::vector<int> column_means_;
  std::vector<int8_t> above_;  // signs of the last `width` differences, by column
};

template <class Coder>
int CodeModel::CodeRest(Coder& coder, int rest) {
  unsigned length = 0;
  while (length + 1 < rest_lengths_.size() && coder.Code(rest_lengths_[length], (rest >> (length + 1)) != 0)) ++length;
  const uint32_t low = coder.CodeEven(static_cast<uint32_t>(rest) & ((1u << length) - 1), length);
  return static_cast<int>((1u << length) | low);
}

template <class Coder>
int CodeModel::CodeOne(Coder& coder, SizeContext& size, AdaptiveBit& sign, int difference) {
  if (!coder.Code(size.zero, difference != 0)) return 0;
  const bool negative = coder.Code(sign, difference < 0);
  const int wanted = std::abs(difference);
  int magnitude = 1;
  while (magnitude < kUnary && coder.Code(size.more[static_cast<size_t>(magnitude)], wanted > magnitude)) ++magnitude;
  if (magnitude == kUnary) magnitude = kUnary - 1 + CodeRest(coder, wanted - kUnary + 1);
  return negative ? -magnitude : magnitude;
}

template <class Coder>
void CodeModel::CodeMatrix(Coder& coder, int8_t* differences, size_t count, size_t width, size_t column) {
  column_means_.assign(width, row_mean_);
  above_.assign(width, 0);
  int left = 0;
  for (size_t i = 0; i < count; ++i) {
    int& column_mean = column_means_[column];
    AdaptiveBit& sign = signs_[3 * Sign(left) + Sign(above_[column])];
    const int coded = CodeOne(coder, sizes_[Level((row_mean_ + column_mean) / 2)], sign, differences[i]);
    differences[i] = static_cast<int8_t>(static_cast<uint8_t>(coded));
    const int size = 256 * std::abs(coded);
    row_mean_ += (size - row_mean_) >> kRowShift;
    column_mean += (size - column_mean) >> kColumnShift;
    left = coded;
    above_[column] = static_cast<int8_t>(std::clamp(coded, -1, 1));
    if (++column == width) {
      column = 0;
      left = 0;
    }
  }
}

}  // namespace perennial::updater
