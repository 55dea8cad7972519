#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "storage/base/bytes.h"
#include "storage/base/ids.h"

namespace perennial::trainer {

// What the trainer remembers of evaluations: the gate's reference and what forgetting and backward transfer are
// measured against. Part of the checkpoint. Value type.
struct PublishedRecord {
  struct SliceScore {
    uint64_t samples = 0;
    uint64_t correct = 0;
    double Accuracy() const { return samples == 0 ? 0 : static_cast<double>(correct) / static_cast<double>(samples); }
    friend bool operator==(const SliceScore&, const SliceScore&) = default;
  };
  VersionId version;                       // last published; 0 while `gate` is empty or in a trainer without a hub
  std::map<std::string, SliceScore> gate;  // its scores on the gate's held-out samples
  std::map<std::string, double> best;      // best accuracy ever published, on the report's samples
  std::map<std::string, double> learned;   // accuracy at the last evaluation of the slice's own part of the stream
  std::string current_slice;               // whose part the stream was in at the last evaluation
  std::set<std::string> ended;             // slices whose own part is over: `learned` stays

  std::map<std::string, SliceScore> peak;  // best published since the labels last grew, on the gate's samples
  uint64_t labels = 0;                     // of the last published version
  uint64_t labels_before = 0;              // of the one before it that had fewer: the rest are the newest labels

  friend bool operator==(const PublishedRecord&, const PublishedRecord&) = default;
  // An evaluation while the stream is in `slice`'s part found it at `accuracy`. A change of slice ends the part before.
  void NoteLearned(const std::string& slice, double accuracy);
  // A version with so many labels was published; `scores` are its on the gate's samples.
  void NotePublished(VersionId published, uint64_t label_count, std::map<std::string, SliceScore> scores);
  void EncodeTo(ByteWriter& out) const;
  void DecodeFrom(ByteReader& in);  // malformed bytes make the reader fail
};

}  // namespace perennial::trainer
