#include "updater/transport/object_choice.h"

#include <algorithm>
#include <unordered_set>

#include "updater/codec.h"

namespace perennial::transport {
namespace {

std::optional<SlotEntry> BaseOf(const format::Manifest& manifest, const format::ObjectRef& object,
                                const std::vector<SlotEntry>& residents) {
  for (const SlotEntry& entry : residents) {
    if (entry.root == object.base_root && entry.architecture == manifest.architecture) {
      return entry;
    }
  }
  return std::nullopt;
}

}  // namespace

uint64_t ChunkBytes(const format::ObjectRef& object, size_t index) {
  const bool last = index + 1 == object.chunks.size();
  return last ? object.bytes - uint64_t{object.chunk_size} * (object.chunks.size() - 1) : object.chunk_size;
}

uint64_t MissingBytes(const format::ObjectRef& object, const std::function<bool(const Hash256&)>& has) {
  uint64_t missing = 0;
  std::unordered_set<Hash256> seen;
  for (size_t i = 0; i < object.chunks.size(); ++i) {
    if (seen.insert(object.chunks[i]).second && !has(object.chunks[i])) missing += ChunkBytes(object, i);
  }
  return missing;
}

std::vector<ObjectChoice> ChooseObjects(const format::Manifest& manifest, const std::vector<SlotEntry>& residents,
                                        const std::function<bool(const Hash256&)>& has) {
  std::vector<ObjectChoice> choices;
  for (const format::ObjectRef& object : manifest.objects) {
    if (!updater::FindCodec(object.codec).ok()) continue;  // made for newer nodes than this
    ObjectChoice choice{object, std::nullopt, 0};
    if (object.kind == format::ObjectKind::kDelta) {
      choice.base = BaseOf(manifest, object, residents);
      if (!choice.base.has_value()) continue;
    }
    choice.missing_bytes = MissingBytes(object, has);
    choices.push_back(std::move(choice));
  }
  std::stable_sort(choices.begin(), choices.end(),
                   [](const ObjectChoice& a, const ObjectChoice& b) { return a.missing_bytes < b.missing_bytes; });
  return choices;
}

}  // namespace perennial::transport
