#include "storage/base/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <nlohmann/json.hpp>

namespace perennial::log {
namespace {

std::atomic<bool> json_lines{false};

spdlog::logger& Logger() {
  static const std::shared_ptr<spdlog::logger> logger = [] {
    auto made = std::make_shared<spdlog::logger>("perennial", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
    made->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %L [%t] %v", spdlog::pattern_time_type::utc);
    made->flush_on(spdlog::level::warn);
    return made;
  }();
  return *logger;
}

// Control characters among them: a value must not end its line or colour the terminal.
bool NeedsQuotes(char c) { return (c >= 0 && c <= ' ') || c == '"' || c == 0x7f; }

void Write(spdlog::level::level_enum level, std::string_view event, std::initializer_list<Field> fields) {
  if (!Logger().should_log(level)) return;
  std::string line;
  if (json_lines) {
    nlohmann::json object{{"event", event}};
    for (const Field& field : fields) object[std::string(field.key)] = field.value;
    line = object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  } else {
    line = std::string(event);
    for (const Field& field : fields) {
      const bool quote = field.value.empty() || std::any_of(field.value.begin(), field.value.end(), NeedsQuotes);
      line.append(" ").append(field.key).append("=");
      line += quote ? nlohmann::json(field.value).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)
                    : field.value;
    }
  }
  Logger().log(level, "{}", line);
}

}  // namespace

Field::Field(std::string_view k, double v) : key(k), value(fmt::format("{:.6g}", v)) {}

void Configure(Level level, bool json) {
  constexpr spdlog::level::level_enum kLevels[] = {spdlog::level::debug, spdlog::level::info, spdlog::level::warn,
                                                   spdlog::level::err, spdlog::level::off};
  Logger().set_level(kLevels[static_cast<int>(level)]);
  json_lines = json;
}

Result<Level> LevelFromName(std::string_view name) {
  constexpr std::string_view kNames[] = {"debug", "info", "warn", "error", "off"};
  for (int i = 0; i < 5; ++i) {
    if (kNames[i] == name) return static_cast<Level>(i);
  }
  return InvalidArgument("unknown log level '" + std::string(name) + "'", "use debug, info, warn, error or off");
}

void Debug(std::string_view event, std::initializer_list<Field> fields) { Write(spdlog::level::debug, event, fields); }
void Info(std::string_view event, std::initializer_list<Field> fields) { Write(spdlog::level::info, event, fields); }
void Warn(std::string_view event, std::initializer_list<Field> fields) { Write(spdlog::level::warn, event, fields); }
void Error(std::string_view event, std::initializer_list<Field> fields) { Write(spdlog::level::err, event, fields); }

}  // namespace perennial::log
