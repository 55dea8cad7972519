#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "storage/base/status.h"

// The logging front; spdlog lives behind it. Lines go to standard error: time, level, thread, event, key=value pairs.
// Log an error once, where it is handled. Never log a secret. Thread-safe.
namespace perennial::log {

enum class Level { kDebug, kInfo, kWarn, kError, kOff };

struct Field {
  std::string_view key;
  std::string value;
  Field(std::string_view k, std::string v) : key(k), value(std::move(v)) {}
  Field(std::string_view k, const char* v) : key(k), value(v) {}
  Field(std::string_view k, double v);
  Field(std::string_view k, uint64_t v) : key(k), value(std::to_string(v)) {}
  Field(std::string_view k, int64_t v) : key(k), value(std::to_string(v)) {}
  Field(std::string_view k, int v) : key(k), value(std::to_string(v)) {}
};

// Default kInfo. `json` switches to one JSON object a line.
void Configure(Level level, bool json);
Result<Level> LevelFromName(std::string_view name);

void Debug(std::string_view event, std::initializer_list<Field> fields = {});
void Info(std::string_view event, std::initializer_list<Field> fields = {});
void Warn(std::string_view event, std::initializer_list<Field> fields = {});
void Error(std::string_view event, std::initializer_list<Field> fields = {});

}  // namespace perennial::log
