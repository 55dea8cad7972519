#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "storage/format/manifest.h"
#include "updater/transport/node_slots.h"

namespace perennial::transport {

// An object that a node can use, with the resident version it needs (a delta's base).
struct ObjectChoice {
  format::ObjectRef object;
  std::optional<SlotEntry> base;
  uint64_t missing_bytes = 0;
};

// The size of the object's chunk `index`.
uint64_t ChunkBytes(const format::ObjectRef& object, size_t index);
// Bytes of the chunks that `has` does not have; a chunk that occurs twice is fetched once.
uint64_t MissingBytes(const format::ObjectRef& object, const std::function<bool(const Hash256&)>& has);

// The objects that a node holding `residents` can use, fewest missing bytes first, a snapshot before a delta where
// equal. A delta is of use only when a resident version has its base's root and the same architecture; the base's
// number proves nothing.
std::vector<ObjectChoice> ChooseObjects(const format::Manifest& manifest, const std::vector<SlotEntry>& residents,
                                        const std::function<bool(const Hash256&)>& has);

}  // namespace perennial::transport
