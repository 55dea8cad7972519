#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/kv/kv_store.h"

namespace perennial::bench {

// A store that takes every write and keeps nothing: for measuring what stands in front of a store, at sizes that would
// keep a real one busy for minutes.
class SinkStore final : public kv::KvStore {
 public:
  Result<kv::Family> FindFamily(std::string_view) const override { return kv::Family{}; }
  Result<std::optional<std::string>> Get(kv::Family, std::string_view) const override {
    return std::optional<std::string>();
  }
  Result<std::vector<std::optional<std::string>>> MultiGet(kv::Family,
                                                           const std::vector<std::string>& keys) const override {
    return std::vector<std::optional<std::string>>(keys.size());
  }
  Status Write(const kv::WriteBatch&, kv::Durability) override { return Status::Ok(); }
  std::unique_ptr<kv::Iterator> NewIterator(kv::Family) const override {
    return kv::OpenMemory({"nothing"})->NewIterator(kv::Family{});
  }
  uint64_t ApproximateBytes() const override { return 0; }
};

}  // namespace perennial::bench
