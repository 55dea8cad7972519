#include "updater/code_blocks.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "storage/base/hash.h"
#include "storage/base/rng.h"
#include "updater/range_coder.h"

namespace perennial::updater {
namespace {

// Bits a symbol needs at least when each is coded by its frequency alone.
double OrderZeroBits(const std::vector<int8_t>& base, const std::vector<int8_t>& target) {
  std::map<int, double> counts;
  for (size_t i = 0; i < base.size(); ++i) ++counts[static_cast<int8_t>(target[i] - base[i])];
  double bits = 0;
  for (const auto& [difference, count] : counts) bits -= count * std::log2(count / static_cast<double>(base.size()));
  return bits;
}

struct Matrix {
  std::vector<int8_t> base, target;
  size_t row_size = 1;
};

// Differences with a standard deviation of their own per row and column, rounded.
Matrix RandomMatrix(Rng& rng, size_t rows, size_t row_size, double spread, bool uneven = false) {
  Matrix matrix;
  matrix.row_size = row_size;
  std::vector<double> columns(row_size, 1.0);
  if (uneven) {
    for (double& column : columns) column = std::exp(rng.Normal());
  }
  for (size_t row = 0; row < rows; ++row) {
    const double rate = spread * (uneven ? std::exp(rng.Normal()) : 1.0);
    for (size_t column = 0; column < row_size; ++column) {
      const int from = static_cast<int>(rng.Below(100)) - 50;
      const int to = std::clamp(from + static_cast<int>(std::lround(rng.Normal() * rate * columns[column])), -127, 127);
      matrix.base.push_back(static_cast<int8_t>(from));
      matrix.target.push_back(static_cast<int8_t>(to));
    }
  }
  return matrix;
}

std::string Write(const std::vector<Matrix>& matrices) {
  std::vector<CodeSegment> segments;
  for (const Matrix& one : matrices) {
    segments.push_back({one.base.data(), one.target.data(), nullptr, one.base.size(), one.row_size});
  }
  ByteWriter out;
  WriteCodeBlocks(segments, out);
  return out.Take();
}

Status Read(std::string_view bytes, const std::vector<Matrix>& matrices, std::vector<std::vector<int8_t>>& restored) {
  restored.clear();
  for (const Matrix& one : matrices) restored.emplace_back(one.base.size());
  std::vector<CodeSegment> segments;
  for (size_t i = 0; i < matrices.size(); ++i) {
    segments.push_back(
        {matrices[i].base.data(), nullptr, restored[i].data(), matrices[i].base.size(), matrices[i].row_size});
  }
  ByteReader in(bytes);
  PERENNIAL_RETURN_IF_ERROR(ReadCodeBlocks(in, segments));
  return in.Finish("blocks");
}

void ExpectRoundTrips(const std::vector<Matrix>& matrices) {
  std::vector<std::vector<int8_t>> restored;
  const Status read = Read(Write(matrices), matrices, restored);
  ASSERT_TRUE(read.ok()) << read.ToString();
  for (size_t i = 0; i < matrices.size(); ++i) EXPECT_EQ(restored[i], matrices[i].target);
}

TEST(CodeBlocks, RestoreEveryPairOfCodes) {
  Matrix all;
  for (int a = -128; a < 128; ++a) {
    for (int b = -128; b < 128; ++b) {
      all.base.push_back(static_cast<int8_t>(a));
      all.target.push_back(static_cast<int8_t>(b));
    }
  }
  all.row_size = 77;  // the last row is not whole
  ExpectRoundTrips({all});
}

TEST(CodeBlocks, RoundTripAtEverySpreadAndShape) {
  Rng rng(201);
  for (const double spread : {0.0, 0.1, 0.3, 1.0, 4.0, 30.0}) {
    ExpectRoundTrips({});
    ExpectRoundTrips({RandomMatrix(rng, 1, 1, spread)});
    ExpectRoundTrips({RandomMatrix(rng, 3, 5, spread), RandomMatrix(rng, 0, 5, spread),
                      RandomMatrix(rng, 200, 1, spread), RandomMatrix(rng, 1, 3000, spread)});
    ExpectRoundTrips({RandomMatrix(rng, 1, kCodesPerBlock - 1, spread), RandomMatrix(rng, 2, 3, spread)});
    ExpectRoundTrips({RandomMatrix(rng, 3, kCodesPerBlock + 7, spread)});  // cut within rows wider than a block
    ExpectRoundTrips({RandomMatrix(rng, 700, 300, spread, true)});
  }
}

TEST(CodeBlocks, ComeCloseToTheEntropyWhereThereIsNoMoreToKnow) {
  Rng rng(202);
  for (const auto& [spread, most] : std::map<double, double>{{0.2, 1.05}, {0.4, 1.03}, {1.0, 1.02}, {5.0, 1.03}}) {
    const Matrix matrix = RandomMatrix(rng, 512, 512, spread);
    const double floor = OrderZeroBits(matrix.base, matrix.target) / 8;
    EXPECT_LT(static_cast<double>(Write({matrix}).size()), most * floor + 64) << "spread " << spread;
  }
}

TEST(CodeBlocks, AreBelowTheOrderZeroEntropyWhereRowsAndColumnsMoveAtTheirOwnRate) {
  Rng rng(203);
  for (const double spread : {0.2, 1.0, 4.0}) {
    const Matrix matrix = RandomMatrix(rng, 512, 512, spread, true);
    const double order_zero = OrderZeroBits(matrix.base, matrix.target) / 8;
    EXPECT_LT(static_cast<double>(Write({matrix}).size()), 0.92 * order_zero) << "spread " << spread;
  }
}

TEST(CodeBlocks, NoiseTakesNoMoreThanItselfAndAHeader) {
  Rng rng(204);
  Matrix noise;
  for (size_t i = 0; i < 2 * kCodesPerBlock; ++i) {
    noise.base.push_back(0);
    noise.target.push_back(static_cast<int8_t>(rng.Next()));
  }
  noise.row_size = 64;
  ExpectRoundTrips({noise});
  EXPECT_LE(Write({noise}).size(), noise.base.size() + 8);
}

// Golden: the bytes must never change, on any processor. Change the format's magic if they must.
TEST(CodeBlocks, MakeTheSameBytesForEver) {
  Rng rng(205);
  Matrix matrix;
  matrix.row_size = 37;
  for (int i = 0; i < 5000; ++i) {
    matrix.base.push_back(static_cast<int8_t>(rng.Below(200)));
    const int step = rng.Below(5) == 0 ? static_cast<int>(rng.Below(41)) - 20 : 0;
    matrix.target.push_back(static_cast<int8_t>(matrix.base.back() + step));
  }
  const std::string bytes = Write({matrix});
  EXPECT_EQ(Sha256(bytes).Hex(), "3c5b8203a8fb781dd0a25573f91f8f54d9d7d10b2f40270be4d6998cb6d974dc");
}

TEST(CodeBlocks, DamageIsSafeAndWrongLengthsAreRefused) {
  Rng rng(206);
  const std::vector<Matrix> matrices{RandomMatrix(rng, 40, 50, 1.0)};
  const std::string bytes = Write(matrices);
  std::vector<std::vector<int8_t>> restored;
  for (size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_EQ(Read(bytes.substr(0, length), matrices, restored).code(), Code::kCorruption) << length;
  }
  EXPECT_EQ(Read(bytes + '\0', matrices, restored).code(), Code::kCorruption);
  for (size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    std::string damaged = bytes;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    (void)Read(damaged, matrices, restored);  // an error or other codes (the delta's check finds those), never a crash
  }
  std::string unknown = bytes;
  unknown[0] = 7;
  EXPECT_EQ(Read(unknown, matrices, restored).code(), Code::kCorruption);
  std::string random(300, '\0');
  for (int i = 0; i < 200; ++i) {
    for (char& byte : random) byte = static_cast<char>(rng.Next());
    random[0] = 1;
    random[1] = 100;
    (void)Read(random, matrices, restored);
  }
}

TEST(RangeCoder, CarriesThroughLongRunsOfOnes) {
  // A bit that is nearly always 0 and then is 1 pushes `low` up: the carry has to pass every byte that waits.
  for (int run = 1; run < 3000; run += 7) {
    RangeEncoder encoder;
    AdaptiveBit state;
    for (int i = 0; i < run; ++i) encoder.Code(state, i % 997 == 996);
    for (int i = 0; i < 40; ++i) encoder.CodeEven(0xffff, 16);
    encoder.Code(state, true);
    const std::string bytes = encoder.Finish();
    RangeDecoder decoder(bytes);
    AdaptiveBit same;
    for (int i = 0; i < run; ++i) ASSERT_EQ(decoder.Code(same), i % 997 == 996) << run << " " << i;
    for (int i = 0; i < 40; ++i) ASSERT_EQ(decoder.CodeEven(0, 16), 0xffffu);
    ASSERT_TRUE(decoder.Code(same));
    EXPECT_TRUE(decoder.AtEnd());
  }
}

}  // namespace
}  // namespace perennial::updater
