#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "storage/base/rng.h"
#include "storage/base/status.h"
#include "storage/sources/field_scene.h"

namespace perennial::sources {

// A question about a scene: the phrase book's key, the word it asks about, and the true answer.
struct FieldQuestion {
  std::string kind;
  std::string word;
  std::string answer;
};

// One picture and what is asked about it.
struct FieldCase {
  FieldScene scene;
  std::vector<FieldQuestion> questions;
};

// Draws a case of a slice of SimulatorSlices(). Neighbouring questions are of different kinds and have different
// answers, and the answers of each question are equally frequent: neither the picture nor the question alone tells the
// answer. REQUIRES a known slice.
FieldCase DrawCase(const std::string& slice, int questions, Rng& rng);

}  // namespace perennial::sources
