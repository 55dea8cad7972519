#pragma once

#include <memory>
#include <string>
#include <vector>

#include "trainer/candidate_maker.h"

namespace perennial::trainer {

// One call of Make().
struct CandidateMaker::Round {
  const Request& request;
  const PublishedRecord& record;
  const std::vector<Offsets>& held_out;      // by slice, as in the request
  int64_t split = 0;                         // the newest labels are those from here on; all: none is
  RoundInstant* instant = nullptr;           // null: no head
  std::vector<std::string> new_labels = {};  // that count as a gain: of a round of the head alone
};

// One set of weights that might ship.
struct CandidateMaker::Contender {
  std::string name;
  bool mixed = false;  // with the published weights
  model::QuantiseOutcome quantised;
  std::shared_ptr<const model::InstantHead> head;  // of quantised.image; null: none
  Evaluator::Predictions predictions;
  Answers split;                                  // of the gate's samples
  std::vector<PublishedRecord::SliceScore> gate;  // by slice
  double average = 0;
  GateDecision decision;
  std::string veto;  // of the report's samples
};

// How well the rule can be held at one place between the published weights and the network's.
struct CandidateMaker::Point {
  double share = 0;
  OffsetFit fit;
  model::InstantUse use;  // that the answers were blended with; not of a round without a head
};

}  // namespace perennial::trainer
