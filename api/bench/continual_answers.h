#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "api/bench/continual_stream.h"

// What networks answered, and the figures that follow from it. Free of LibTorch and of I/O: scripts/
// recompute_continual.py computes the same from the dump.
namespace perennial::bench {

// One answer: which sample (index into the slice's list), which label (number in LabelledData::labels) and how sure.
struct Answer {
  uint32_t at = 0;
  uint32_t predicted = 0;
  float confidence = 0;  // softmax of the answer, 0 to 1; 0 for the trivial baselines
};
// By slice, each in the order of the slice's list.
using Answers = std::map<uint32_t, std::vector<Answer>>;

// What one network said, or one trivial baseline.
struct Respondent {
  Answers tests;
  Answers gate;                // published versions only
  std::vector<uint32_t> seen;  // slices it had been trained on when it was made
};

// One candidate: what the stream had brought by then, the gate's verdict, and what was served after it.
struct Moment {
  uint64_t samples = 0;         // trained on so far
  std::vector<uint32_t> seen;   // slices trained on so far
  std::vector<uint32_t> ended;  // slices whose own part is over
  bool accepted = false;
  bool new_scales = false;
  uint64_t served = 0;  // number of the version that answers from here on, from 1
  Respondent network;   // the network as it was then, whatever shipped; on the exam's samples of ended slices
  std::string shipped;  // student or ema
  std::string reason;   // the gate's, in words
};

// An answer to a sample of the stream before the trainer saw it, by the version served then.
struct StreamAnswer {
  StreamItem item;
  uint64_t version = 0;
  uint32_t predicted = 0;
  float confidence = 0;
};

// Everything one seed's figures are computed from.
struct ContinualRecord {
  std::vector<Respondent> versions;           // published, in order; on the exam's samples
  std::vector<Moment> moments;                // candidates in order
  std::vector<Respondent> part_ends;          // the network at the end of each part; on the exam's samples
  Respondent served;                          // the last version, on all test samples
  Respondent network;                         // the network at the end, on all test samples
  Respondent instant;                         // the instant head alone at the end, likewise; empty without one
  std::map<std::string, Respondent> trivial;  // by name: question_only, majority
  std::vector<StreamAnswer> stream;
  double train_s = 0;
  double evaluation_s = 0;
  uint64_t samples_trained = 0;
  uint64_t steps = 0;  // of the optimiser
  uint64_t buffer_bytes = 0;
};

// The figures of one seed, 0 to 1; NaN where there is no such figure.
struct ContinualFigures {
  std::map<std::string, double> values;
  std::map<std::string, double> per_slice;          // as served at the end
  std::map<std::string, double> network_per_slice;  // of the network at the end
};
ContinualFigures ComputeFigures(const ContinualStream& stream, const ContinualRecord& record);

// Answers by counting, in the same run: "question_only" gives the most frequent training answer of the same question
// (where it is new, of all), "majority" always the most frequent one. Ties go to the label that comes first.
std::map<std::string, Respondent> AnswerByCounting(const ContinualStream& stream);

// The names of the values of ContinualFigures, in the order they are printed.
const std::vector<std::string>& FigureNames();

}  // namespace perennial::bench
