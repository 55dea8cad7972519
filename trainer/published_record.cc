#include "trainer/published_record.h"

namespace perennial::trainer {
namespace {

constexpr size_t kMaxName = 4096;

void EncodeScores(const std::map<std::string, double>& scores, ByteWriter& out) {
  out.Varint(scores.size());
  for (const auto& [slice, score] : scores) {
    out.Bytes(slice);
    out.F64(score);
  }
}

std::map<std::string, double> DecodeScores(ByteReader& in) {
  std::map<std::string, double> scores;
  const uint64_t count = in.Varint();
  for (uint64_t i = 0; i < count && in.ok(); ++i) {
    std::string slice(in.Bytes(kMaxName));
    scores[std::move(slice)] = in.F64();
  }
  return scores;
}

}  // namespace

void PublishedRecord::NoteLearned(const std::string& slice, double accuracy) {
  if (slice != current_slice) {
    if (!current_slice.empty()) ended.insert(current_slice);
    current_slice = slice;
  }
  if (ended.count(slice) == 0) learned[slice] = accuracy;
}

void PublishedRecord::EncodeTo(ByteWriter& out) const {
  out.U64(version.value);
  out.Varint(gate.size());
  for (const auto& [slice, score] : gate) {
    out.Bytes(slice);
    out.Varint(score.samples);
    out.Varint(score.correct);
  }
  EncodeScores(best, out);
  EncodeScores(learned, out);
  out.Bytes(current_slice);
  out.Varint(ended.size());
  for (const std::string& slice : ended) out.Bytes(slice);
}

void PublishedRecord::DecodeFrom(ByteReader& in) {
  version.value = in.U64();
  gate.clear();
  const uint64_t count = in.Varint();
  for (uint64_t i = 0; i < count && in.ok(); ++i) {
    std::string slice(in.Bytes(kMaxName));
    SliceScore& score = gate[std::move(slice)];
    score.samples = in.Varint();
    score.correct = in.Varint();
  }
  best = DecodeScores(in);
  learned = DecodeScores(in);
  current_slice = std::string(in.Bytes(kMaxName));
  ended.clear();
  const uint64_t ended_count = in.Varint();
  for (uint64_t i = 0; i < ended_count && in.ok(); ++i) ended.emplace(in.Bytes(kMaxName));
}

}  // namespace perennial::trainer
