#include "storage/sources/field_slice.h"

#include <algorithm>

#include "storage/sources/simulator.h"

namespace perennial::sources {
namespace {

using Names = std::vector<std::string>;

const Names kBaseSurfaces = {"brushed steel", "cast aluminium"}, kNewSurfaces = {"wood", "fabric"};
const Names kBaseDefects = {"scratch", "pit", "stain"}, kNewDefects = {"crack", "dent", "rust"},
            kSoftDefects = {"burn", "hole", "mould"};
const Names kNumbers = {"one", "two", "three", "four"};

const std::string& Pick(const Names& names, Rng& rng) { return names[rng.Below(names.size())]; }

Names Without(Names names, const std::string& name) {
  std::erase(names, name);
  return names;
}

// One kind of defect, one to three of it; alternately "which defect" and "which surface" are asked.
FieldCase Naming(const Names& surfaces, const Names& defects, int questions, Rng& rng) {
  FieldCase one;
  one.scene.surface = Pick(surfaces, rng);
  one.scene.defects.assign(1 + rng.Below(3), Pick(defects, rng));
  const uint64_t first = rng.Below(2);
  for (int i = 0; i < questions; ++i) {
    if ((static_cast<uint64_t>(i) + first) % 2 == 0) {
      one.questions.push_back({"which-defect", "", one.scene.defects[0]});
    } else {
      one.questions.push_back({"which-surface", "", one.scene.surface});
    }
  }
  return one;
}

// The answers are drawn first and the scene made to fit, so each answer has the same share under each question.
FieldCase Judging(int questions, Rng& rng) {
  FieldCase one;
  one.scene.surface = Pick(kBaseSurfaces, rng);
  const bool by_kind = rng.Chance(0.5);  // rule A, else rule B
  const bool accepted = rng.Chance(0.5), present = rng.Chance(0.5);
  // Rule A settles whether there are scratches, so the question is about another kind then.
  const std::string asked = Pick(by_kind ? Without(kBaseDefects, "scratch") : kBaseDefects, rng);
  Names others = Without(kBaseDefects, asked);
  Names& defects = one.scene.defects;
  if (by_kind && !accepted) defects.push_back("scratch");
  if (by_kind) others = Without(others, "scratch");
  if (present) defects.push_back(asked);
  const size_t count = by_kind ? 2 + rng.Below(2) : (accepted ? 1 : 3) + rng.Below(2);
  const std::string& filling = Pick(others, rng);
  while (defects.size() < count) defects.push_back(present && rng.Chance(0.5) ? asked : filling);
  const uint64_t first = rng.Below(2);
  for (int i = 0; i < questions; ++i) {
    if ((static_cast<uint64_t>(i) + first) % 2 == 0) {
      one.questions.push_back({"is-there", asked, present ? "yes" : "no"});
    } else {
      one.questions.push_back({"acceptable", by_kind ? "no-scratches" : "at-most-two", accepted ? "accept" : "reject"});
    }
  }
  return one;
}

// Known defects through another camera; alternately "how many" and "which defect".
FieldCase Counting(int questions, Rng& rng) {
  FieldCase one;
  one.scene.surface = Pick(kBaseSurfaces, rng);
  one.scene.new_camera = true;
  const size_t count = 1 + rng.Below(kNumbers.size());
  one.scene.defects.assign(count, Pick(kBaseDefects, rng));
  const uint64_t first = rng.Below(2);
  for (int i = 0; i < questions; ++i) {
    if ((static_cast<uint64_t>(i) + first) % 2 == 0) {
      one.questions.push_back({"how-many", "", kNumbers[count - 1]});
    } else {
      one.questions.push_back({"which-defect", "", one.scene.defects[0]});
    }
  }
  return one;
}

}  // namespace

std::vector<std::string> SimulatorSlices() {
  return {"base", "new-defect", "new-surface", "new-question", "new-camera"};
}

FieldCase DrawCase(const std::string& slice, int questions, Rng& rng) {
  if (slice == "base") return Naming(kBaseSurfaces, kBaseDefects, questions, rng);
  if (slice == "new-defect") return Naming(kBaseSurfaces, kNewDefects, questions, rng);
  if (slice == "new-surface") return Naming(kNewSurfaces, kSoftDefects, questions, rng);
  if (slice == "new-question") return Judging(questions, rng);
  return Counting(questions, rng);
}

}  // namespace perennial::sources
