#include "api/hub/settings.h"

#include <charconv>
#include <chrono>
#include <cmath>
#include <limits>
#include <map>

namespace perennial::hub {
namespace {

template <typename... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};
template <typename... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;

template <typename T>
Status ParseNumber(std::string_view name, std::string_view text, std::string_view wanted, T& out) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    return InvalidArgument(std::string(name) + ": '" + std::string(text) + "' is not " + std::string(wanted));
  }
  out = value;
  return Status::Ok();
}

Status SetSeconds(std::string_view name, double seconds, Duration& out) {
  // 100 years: beyond, nanoseconds do not fit.
  if (!std::isfinite(seconds) || seconds < 0 || seconds > 3.15e9) {
    return InvalidArgument(std::string(name) + ": not a number of seconds");
  }
  out = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
  return Status::Ok();
}

template <typename T>
Status SetInteger(const std::string& name, int64_t value, T& out) {
  if (value < static_cast<int64_t>(std::numeric_limits<T>::min()) ||
      (sizeof(T) < sizeof(int64_t) && value > static_cast<int64_t>(std::numeric_limits<T>::max()))) {
    return InvalidArgument(name + ": " + std::to_string(value) + " is out of range");
  }
  out = static_cast<T>(value);
  return Status::Ok();
}

std::string Number(double value) {
  char digits[32];
  const auto printed = std::to_chars(digits, digits + sizeof digits, value);
  std::string text(digits, printed.ptr);
  // TOML tells a float from an integer by its point or exponent.
  return text.find_first_of(".en") == std::string::npos ? text + ".0" : text;
}

std::string Quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) < 0x20) {
      constexpr char kHex[] = "0123456789abcdef";
      out += "\\u00";
      out += kHex[(c >> 4) & 15];
      out += kHex[c & 15];
    } else {
      out += c;
    }
  }
  return out + '"';
}

template <typename T>
Status LoadInteger(ConfigTable& table, const Setting& setting, T& out) {
  PERENNIAL_ASSIGN_OR_RETURN(const auto value, table.Integer(setting.key));
  return value ? SetInteger(setting.section + "." + setting.key, *value, out) : Status::Ok();
}

Status LoadOne(ConfigTable& table, const Setting& setting) {
  return std::visit(Overloaded{[&](std::string* out) -> Status {
                                 PERENNIAL_ASSIGN_OR_RETURN(const auto value, table.String(setting.key));
                                 if (value) *out = *value;
                                 return Status::Ok();
                               },
                               [&](bool* out) -> Status {
                                 PERENNIAL_ASSIGN_OR_RETURN(const auto value, table.Bool(setting.key));
                                 if (value) *out = *value;
                                 return Status::Ok();
                               },
                               [&](double* out) -> Status {
                                 PERENNIAL_ASSIGN_OR_RETURN(const auto value, table.Float(setting.key));
                                 if (value) *out = *value;
                                 return Status::Ok();
                               },
                               [&](Seconds out) -> Status {
                                 PERENNIAL_ASSIGN_OR_RETURN(const auto value, table.Float(setting.key));
                                 return value ? SetSeconds(setting.section + "." + setting.key, *value, *out.duration)
                                              : Status::Ok();
                               },
                               [&](auto* out) { return LoadInteger(table, setting, *out); }},
                    setting.target);
}

}  // namespace

Status Setting::Set(std::string_view text) const {
  return std::visit(Overloaded{[&](std::string* out) -> Status {
                                 *out = text;
                                 return Status::Ok();
                               },
                               [&](bool* out) -> Status {
                                 if (text != "true" && text != "false")
                                   return InvalidArgument(flag + ": must be true or false");
                                 *out = text == "true";
                                 return Status::Ok();
                               },
                               [&](double* out) { return ParseNumber(flag, text, "a number", *out); },
                               [&](Seconds out) -> Status {
                                 double seconds = 0;
                                 PERENNIAL_RETURN_IF_ERROR(ParseNumber(flag, text, "a number of seconds", seconds));
                                 return SetSeconds(flag, seconds, *out.duration);
                               },
                               [&](auto* out) { return ParseNumber(flag, text, "a whole number", *out); }},
                    target);
}

std::string Setting::Value() const {
  return std::visit(
      Overloaded{[](const std::string* value) { return Quoted(*value); },
                 [](const bool* value) { return std::string(*value ? "true" : "false"); },
                 [](const double* value) { return Number(*value); },
                 [](Seconds value) { return Number(std::chrono::duration<double>(*value.duration).count()); },
                 [](const auto* value) { return std::to_string(*value); }},
      target);
}

Status SettingTable::Load(ConfigTable root) const {
  std::map<std::string, ConfigTable> sections;
  for (const Setting& setting : settings_) {
    auto section = sections.find(setting.section);
    if (section == sections.end()) {
      PERENNIAL_ASSIGN_OR_RETURN(auto table, root.Table(setting.section));
      if (!table) continue;
      section = sections.emplace(setting.section, *std::move(table)).first;
    }
    PERENNIAL_RETURN_IF_ERROR(LoadOne(section->second, setting));
  }
  return root.RejectUnknown();
}

std::string SettingTable::Print() const {
  std::string out, section;
  for (const Setting& setting : settings_) {
    if (setting.section != section) {
      out += (section.empty() ? "[" : "\n[") + setting.section + "]\n";
      section = setting.section;
    }
    out += setting.key + " = " + setting.Value() + "  # " + setting.help + "\n";
  }
  return out;
}

}  // namespace perennial::hub
