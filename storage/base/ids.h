#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>

namespace perennial {

// A strong integer id: two different Tags never mix. Value type.
template <typename Tag>
struct Id {
  uint64_t value = 0;

  friend auto operator<=>(const Id&, const Id&) = default;
  std::string ToString() const { return std::to_string(value); }
};

// Number of a published version, counted from 1; 0 means "none".
using VersionId = Id<struct VersionTag>;
// Position of an entry in the sample log, counted from 0.
using Offset = Id<struct OffsetTag>;

}  // namespace perennial

template <typename Tag>
struct std::hash<perennial::Id<Tag>> {
  size_t operator()(const perennial::Id<Tag>& id) const noexcept { return std::hash<uint64_t>{}(id.value); }
};
