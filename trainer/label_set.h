#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace perennial::trainer {

// Label string -> output index, in order of first sight in training. Only grows. Thread-compatible.
class LabelSet {
 public:
  LabelSet() = default;
  explicit LabelSet(const std::vector<std::string>& names);
  // The index, a new one when the label is new.
  int64_t Add(std::string_view label);
  std::optional<int64_t> Find(std::string_view label) const;
  const std::vector<std::string>& names() const { return names_; }
  size_t size() const { return names_.size(); }

 private:
  std::vector<std::string> names_;
  std::unordered_map<std::string, int64_t> index_;
};

}  // namespace perennial::trainer
