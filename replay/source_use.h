#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace perennial::replay {

// How much of the memory each source takes, and whether that is within its limits. Counted anew when a memory is
// loaded, so not saved; numbers of sources mean nothing outside. Every operation is O(1). Owned by the buffer.
// Thread-compatible.
class SourceUse {
 public:
  struct Limits {
    uint64_t examples = UINT64_MAX;
    uint64_t bytes = UINT64_MAX;
  };
  explicit SourceUse(Limits limits) : limits_(limits) {}

  // The number of a source; a new one when it is unknown.
  uint32_t Intern(const std::string& source);
  void Add(uint32_t source, uint64_t bytes);
  void Remove(uint32_t source, uint64_t bytes);
  // Whether one more example of `bytes` is within the limits.
  bool Fits(uint32_t source, uint64_t bytes) const;
  // Whether what is there exceeds them: they were lowered.
  bool IsOver(uint32_t source) const;
  uint64_t examples(uint32_t source) const { return uses_[source].examples; }
  size_t count() const { return uses_.size(); }
  const Limits& limits() const { return limits_; }

 private:
  struct Use {
    uint64_t examples = 0;
    uint64_t bytes = 0;
  };
  const Limits limits_;
  std::unordered_map<std::string, uint32_t> numbers_;
  std::vector<Use> uses_;
};

}  // namespace perennial::replay
