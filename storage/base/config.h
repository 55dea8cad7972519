#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/status.h"

namespace perennial {

// One TOML table, read key by key. Every key that is read is ticked off; RejectUnknown() then names the ones left over, so a
// typing error in a config file is an error and not a silent default. toml++ lives behind it. Thread-compatible.
class ConfigTable {
 public:
  // `name` is used in messages (a path). Parse errors give line and column.
  static Result<ConfigTable> Parse(std::string_view toml, const std::string& name);
  static Result<ConfigTable> Load(const std::string& path);

  // Each returns the value, nullopt when the key is absent, or kInvalidArgument when its type is wrong.
  Result<std::optional<std::string>> String(std::string_view key);
  Result<std::optional<int64_t>> Integer(std::string_view key);
  Result<std::optional<double>> Float(std::string_view key);
  Result<std::optional<bool>> Bool(std::string_view key);
  Result<std::optional<std::vector<std::string>>> Strings(std::string_view key);
  Result<std::optional<ConfigTable>> Table(std::string_view key);
  Result<std::vector<ConfigTable>> Tables(std::string_view key);  // [[key]]; empty when absent

  // kInvalidArgument naming the first key that nobody read, with the closest known key as the hint.
  Status RejectUnknown() const;

 private:
  struct Impl;
  explicit ConfigTable(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<Impl> impl_;
};

// The word of `known` nearest to `word` by edit distance; empty when none is within two edits or a third of its length.
std::string ClosestWord(std::string_view word, const std::vector<std::string>& known);

}  // namespace perennial
