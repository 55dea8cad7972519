#include "replay/source_use.h"

namespace perennial::replay {

uint32_t SourceUse::Intern(const std::string& source) {
  const auto number = free_.empty() ? static_cast<uint32_t>(uses_.size()) : free_.back();
  const auto [place, is_new] = numbers_.emplace(source, number);
  if (!is_new) return place->second;
  if (free_.empty()) {
    uses_.emplace_back();
  } else {
    free_.pop_back();
  }
  uses_[number].name = &place->first;
  return number;
}

void SourceUse::ReleaseIfUnused(uint32_t source) {
  Use& use = uses_[source];
  if (use.examples > 0 || use.pins > 0) return;
  numbers_.erase(numbers_.find(*use.name));
  use = Use();
  free_.push_back(source);
}

void SourceUse::Add(uint32_t source, uint64_t bytes) {
  ++uses_[source].examples;
  uses_[source].bytes += bytes;
}

void SourceUse::Remove(uint32_t source, uint64_t bytes) {
  --uses_[source].examples;
  uses_[source].bytes -= bytes;
  ReleaseIfUnused(source);
}

bool SourceUse::Fits(uint32_t source, uint64_t bytes) const {
  return uses_[source].examples + 1 <= limits_.examples && uses_[source].bytes + bytes <= limits_.bytes;
}

bool SourceUse::IsOver(uint32_t source) const {
  return uses_[source].examples > limits_.examples || uses_[source].bytes > limits_.bytes;
}

}  // namespace perennial::replay
