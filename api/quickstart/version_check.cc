#include "api/quickstart/version_check.h"

#include <cmath>
#include <map>
#include <tuple>

namespace perennial::quickstart {
namespace {

constexpr double kTolerance = 1e-3;

// What a version said about a sample the first time.
using Seen = std::map<std::tuple<uint64_t, size_t, size_t>, const RequestRecord*>;

bool Contradicts(const RequestRecord& record, Seen& seen) {
  if (record.version != record.header_version) return true;
  const auto [first, fresh] = seen.emplace(std::make_tuple(record.version, record.slice, record.sample), &record);
  if (fresh) return false;
  return std::abs(first->second->confidence - record.confidence) > kTolerance ||
         (first->second->predicted != record.predicted && record.confidence > 0.5 + kTolerance);
}

}  // namespace

uint64_t CountMixedVersions(const std::vector<RequestRecord>& requests, const std::vector<RequestRecord>& exam) {
  Seen seen;
  uint64_t mixed = 0;
  for (const auto* records : {&requests, &exam}) {
    for (const RequestRecord& record : *records) {
      if (record.ok && Contradicts(record, seen)) ++mixed;
    }
  }
  return mixed;
}

}  // namespace perennial::quickstart
