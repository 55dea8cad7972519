#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "storage/base/clock.h"
#include "storage/base/config.h"
#include "storage/base/status.h"

namespace perennial::hub {

// A duration that people write in seconds.
struct Seconds {
  Duration* duration;
};

// One setting: a key of the config file, a flag of the command line, and the variable both fill.
struct Setting {
  std::string section;  // "trainer"
  std::string key;      // "learning_rate"
  std::string flag;     // "--learning-rate"
  std::string help;
  std::variant<std::string*, bool*, int*, int64_t*, uint32_t*, uint64_t*, double*, Seconds> target;

  bool IsSwitch() const { return std::holds_alternative<bool*>(target); }
  // From the command line. kInvalidArgument names the flag and what it takes.
  Status Set(std::string_view text) const;
  // The value as TOML.
  std::string Value() const;
};

// All settings of a program in one list, so that the config file, the flags and the printed config can't drift apart.
// Borrowed variables must outlive it. Thread-compatible.
class SettingTable {
 public:
  void Add(Setting setting) { settings_.push_back(std::move(setting)); }
  const std::vector<Setting>& settings() const { return settings_; }
  // Fills the variables from a config file; an unknown section or key is an error.
  Status Load(ConfigTable root) const;
  // The effective config: TOML that Load() reads back to the same values.
  std::string Print() const;

 private:
  std::vector<Setting> settings_;
};

}  // namespace perennial::hub
