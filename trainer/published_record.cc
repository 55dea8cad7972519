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

void EncodeCounts(const std::map<std::string, PublishedRecord::SliceScore>& counts, ByteWriter& out) {
  out.Varint(counts.size());
  for (const auto& [slice, score] : counts) {
    out.Bytes(slice);
    out.Varint(score.samples);
    out.Varint(score.correct);
  }
}

std::map<std::string, PublishedRecord::SliceScore> DecodeCounts(ByteReader& in) {
  std::map<std::string, PublishedRecord::SliceScore> counts;
  const uint64_t count = in.Varint();
  for (uint64_t i = 0; i < count && in.ok(); ++i) {
    std::string slice(in.Bytes(kMaxName));
    PublishedRecord::SliceScore& score = counts[std::move(slice)];
    score.samples = in.Varint();
    score.correct = in.Varint();
  }
  return counts;
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

void PublishedRecord::NotePublished(VersionId published, uint64_t label_count,
                                    std::map<std::string, SliceScore> scores) {
  version = published;
  if (label_count != labels) {
    labels_before = label_count > labels ? labels : 0;
    labels = label_count;
    peak.clear();
  }
  for (const auto& [slice, score] : scores) {
    if (score.samples == 0) continue;
    const auto [top, added] = peak.try_emplace(slice, score);
    if (!added && score.Accuracy() >= top->second.Accuracy()) top->second = score;
  }
  gate = std::move(scores);
}

void PublishedRecord::EncodeTo(ByteWriter& out) const {
  out.U64(version.value);
  EncodeCounts(gate, out);
  EncodeScores(best, out);
  EncodeScores(learned, out);
  out.Bytes(current_slice);
  out.Varint(ended.size());
  for (const std::string& slice : ended) out.Bytes(slice);
  EncodeCounts(peak, out);
  out.Varint(labels);
  out.Varint(labels_before);
}

void PublishedRecord::DecodeFrom(ByteReader& in) {
  version.value = in.U64();
  gate = DecodeCounts(in);
  best = DecodeScores(in);
  learned = DecodeScores(in);
  current_slice = std::string(in.Bytes(kMaxName));
  ended.clear();
  const uint64_t ended_count = in.Varint();
  for (uint64_t i = 0; i < ended_count && in.ok(); ++i) ended.emplace(in.Bytes(kMaxName));
  peak = DecodeCounts(in);
  labels = in.Varint();
  labels_before = in.Varint();
}

}  // namespace perennial::trainer
