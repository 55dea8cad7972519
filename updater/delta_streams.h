#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

// The number streams of a delta, before entropy coding. Each is a bijection on bits: nothing is rounded
// (updater/delta_zstd.md). Pure.
namespace perennial::updater {

// Differences of int8 codes modulo 256, taken apart so that each part has simple statistics: a training step moves few
// codes, most of them by one.
struct CodeDifferences {
  std::vector<bool> changed;   // per code
  std::vector<bool> negative;  // per changed code
  std::vector<bool> large;     // per changed code: by more than one
  std::string magnitudes;      // per large one: the size of the change less 2, a byte (0 to 126)

  void Add(const int8_t* base, const int8_t* target, size_t count);
};

// Puts the targets together again, in the order they were added. Borrows the differences.
// REQUIRES: sizes fit each other (negative and large have one entry per one in changed, magnitudes one per one in
// large).
class CodeRestorer {
 public:
  explicit CodeRestorer(const CodeDifferences& differences) : differences_(differences) {}
  void Restore(const int8_t* base, int8_t* target, size_t count);

 private:
  const CodeDifferences& differences_;
  size_t next_code_ = 0;
  size_t next_change_ = 0;
  size_t next_magnitude_ = 0;
};

// Differences of floats as integers: their bit patterns subtracted modulo 2^32 and folded. Neighbouring values of the
// same sign have neighbouring patterns, so a small change is a small number.
uint32_t FoldFloat(float base, float target);
float UnfoldFloat(float base, uint32_t folded);

}  // namespace perennial::updater
