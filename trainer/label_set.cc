#include "trainer/label_set.h"

namespace perennial::trainer {

LabelSet::LabelSet(const std::vector<std::string>& names) {
  for (const std::string& name : names) Add(name);
}

int64_t LabelSet::Add(std::string_view label) {
  const auto [at, added] = index_.try_emplace(std::string(label), static_cast<int64_t>(names_.size()));
  if (added) names_.emplace_back(label);
  return at->second;
}

std::optional<int64_t> LabelSet::Find(std::string_view label) const {
  const auto at = index_.find(std::string(label));
  if (at == index_.end()) return std::nullopt;
  return at->second;
}

}  // namespace perennial::trainer
