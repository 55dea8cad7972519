#include "updater/proportion.h"

#include <algorithm>
#include <cmath>

namespace perennial::updater {
namespace {

constexpr double kZ = 1.6448536269514722;  // 95 % quantile of the standard normal

// Wilson's bound: (p + z^2/2n +- z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n).
double Wilson(const Proportion& p, double sign) {
  if (p.total == 0) return sign < 0 ? 0.0 : 1.0;
  const double n = static_cast<double>(p.total);
  const double share = p.Estimate();
  const double z2 = kZ * kZ;
  const double root = std::sqrt(share * (1 - share) / n + z2 / (4 * n * n));
  return std::clamp((share + z2 / (2 * n) + sign * kZ * root) / (1 + z2 / n), 0.0, 1.0);
}

}  // namespace

double Proportion::Estimate() const {
  return total == 0 ? 0.0 : static_cast<double>(std::min(hits, total)) / static_cast<double>(total);
}

double WilsonLower(const Proportion& p) { return Wilson(p, -1); }
double WilsonUpper(const Proportion& p) { return Wilson(p, +1); }

double DifferenceLower(const Proportion& a, const Proportion& b) {
  const double pa = a.Estimate();
  const double pb = b.Estimate();
  return pa - pb - std::hypot(pa - WilsonLower(a), WilsonUpper(b) - pb);
}

}  // namespace perennial::updater
