#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "storage/base/status.h"

namespace perennial::format {

// What the instant head of a version reads: enough to draw its fixed random features again (serving/model/
// random_features.h). Two versions with equal specs have comparable solutions. Value type.
struct InstantSpec {
  std::string features = "patch-1";  // the recipe, never changed under its name: "patch-1"
  int64_t width = 2000;              // number of features
  uint64_t seed = 1;

  friend bool operator==(const InstantSpec&, const InstantSpec&) = default;
  // kInvalidArgument with the offending field.
  Status Validate() const;
  std::string ToJson() const;                                  // keys sorted, no whitespace
  static Result<InstantSpec> FromJson(std::string_view json);  // unknown keys are errors
};

// Tensors of a version's instant head have names that start so, and stand behind all others.
inline constexpr std::string_view kInstantPrefix = "instant.";

}  // namespace perennial::format
