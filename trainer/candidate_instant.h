#pragma once

#include <unordered_map>
#include <vector>

#include "serving/model/instant_head.h"
#include "storage/base/ids.h"
#include "trainer/candidate_maker.h"
#include "trainer/instant_blend.h"

namespace perennial::trainer {

// The instant head of one call of Make(): solved once and scored once; each contender gets a blend of its own.
struct CandidateMaker::RoundInstant {
  format::InstantSpec spec;
  model::InstantSolution solution;              // with a row for every label of the request
  std::vector<Offset> offsets;                  // the gate's samples, all slices, but for those left out
  std::unordered_map<uint64_t, size_t> row_of;  // by offset
  HeldOutAnswers answers;                       // `network` is the contender's at hand
  bool scored = false;                          // offsets and answers.instant are there
};

}  // namespace perennial::trainer
