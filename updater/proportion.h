#pragma once

#include <cstdint>

namespace perennial::updater {

// A share of counted events. Value type.
struct Proportion {
  uint64_t hits = 0;
  uint64_t total = 0;

  // hits / total; 0 when nothing was counted.
  double Estimate() const;
};

// One-sided 95 % bounds of the true share (Wilson, 1927). Without counts they are 0 and 1.
double WilsonLower(const Proportion& p);
double WilsonUpper(const Proportion& p);

// One-sided 95 % lower bound of (a - b) for two independent shares: Newcombe's hybrid score interval
// (Statistics in Medicine 17, 1998, method 10). Honest at the small counts a canary has, where the normal approximation
// is not.
double DifferenceLower(const Proportion& a, const Proportion& b);

}  // namespace perennial::updater
