#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace perennial::replay {

// How much of the memory each source takes, and whether that is within its limits. Counted anew when a memory is
// loaded, so not saved; numbers of sources mean nothing outside, and are given again when nothing is held of a source
// any more, so a sender that calls itself differently each time takes no room. Every operation is O(1). Owned by the
// buffer. Thread-compatible.
class SourceUse {
 public:
  struct Limits {
    uint64_t examples = UINT64_MAX;
    uint64_t bytes = UINT64_MAX;
  };
  explicit SourceUse(Limits limits) : limits_(limits) {}

  // Keeps the number of a source while an example of it is on its way in.
  class Pin {
   public:
    Pin(SourceUse& uses, const std::string& source) : uses_(uses), number_(uses.Intern(source)) {
      ++uses_.uses_[number_].pins;
    }
    ~Pin() {
      --uses_.uses_[number_].pins;
      uses_.ReleaseIfUnused(number_);
    }
    Pin(const Pin&) = delete;
    Pin& operator=(const Pin&) = delete;
    uint32_t number() const { return number_; }

   private:
    SourceUse& uses_;
    const uint32_t number_;
  };
  void Add(uint32_t source, uint64_t bytes);
  void Remove(uint32_t source, uint64_t bytes);
  // Whether one more example of `bytes` is within the limits.
  bool Fits(uint32_t source, uint64_t bytes) const;
  // Whether what is there exceeds them: they were lowered.
  bool IsOver(uint32_t source) const;
  uint64_t examples(uint32_t source) const { return uses_[source].examples; }
  // Numbers are below it; at most as many as there ever were sources at the same time.
  size_t count() const { return uses_.size(); }
  const Limits& limits() const { return limits_; }

 private:
  struct Use {
    uint64_t examples = 0;
    uint64_t bytes = 0;
    uint32_t pins = 0;
    const std::string* name = nullptr;  // the key in numbers_; null: not given
  };
  uint32_t Intern(const std::string& source);
  void ReleaseIfUnused(uint32_t source);

  const Limits limits_;
  std::unordered_map<std::string, uint32_t> numbers_;
  std::vector<Use> uses_;
  std::vector<uint32_t> free_;
};

}  // namespace perennial::replay
