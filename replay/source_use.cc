#include "replay/source_use.h"

namespace perennial::replay {

uint32_t SourceUse::Intern(const std::string& source) {
  const auto [place, is_new] = numbers_.emplace(source, static_cast<uint32_t>(uses_.size()));
  if (is_new) uses_.emplace_back();
  return place->second;
}

void SourceUse::Add(uint32_t source, uint64_t bytes) {
  ++uses_[source].examples;
  uses_[source].bytes += bytes;
}

void SourceUse::Remove(uint32_t source, uint64_t bytes) {
  --uses_[source].examples;
  uses_[source].bytes -= bytes;
}

bool SourceUse::Fits(uint32_t source, uint64_t bytes) const {
  return uses_[source].examples + 1 <= limits_.examples && uses_[source].bytes + bytes <= limits_.bytes;
}

bool SourceUse::IsOver(uint32_t source) const {
  return uses_[source].examples > limits_.examples || uses_[source].bytes > limits_.bytes;
}

}  // namespace perennial::replay
