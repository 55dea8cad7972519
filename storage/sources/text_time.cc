#include "storage/sources/text_time.h"

#include <charconv>
#include <chrono>
#include <cstdio>

namespace perennial::sources {
namespace {

using std::chrono::days;
using std::chrono::sys_days;

constexpr int64_t kMicrosPerDay = int64_t{24} * 3600 * 1'000'000;

// Takes `digits` decimal digits off `text`; false when they are not there.
bool TakeNumber(std::string_view& text, size_t digits, int& value) {
  if (text.size() < digits) return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + digits, value);
  if (error != std::errc() || end != text.data() + digits || text[0] == '-') return false;
  text.remove_prefix(digits);
  return true;
}

bool Take(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text[0]) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

// ".25" to 250,000; digits beyond microseconds are cut.
bool TakeFraction(std::string_view& text, int& micros) {
  micros = 0;
  if (!Take(text, ".")) return true;
  int digits = 0;
  for (int scale = 100'000; !text.empty() && text[0] >= '0' && text[0] <= '9'; ++digits, scale /= 10) {
    micros += (text[0] - '0') * scale;
    text.remove_prefix(1);
  }
  return digits > 0;
}

bool TakeZone(std::string_view& text, int& minutes) {
  minutes = 0;
  if (Take(text, "Zz")) return text.empty();
  if (text.empty() || (text[0] != '+' && text[0] != '-')) return false;
  const int sign = text[0] == '-' ? -1 : 1;
  text.remove_prefix(1);
  int hour = 0, minute = 0;
  if (!TakeNumber(text, 2, hour) || !Take(text, ":") || !TakeNumber(text, 2, minute)) return false;
  minutes = sign * (hour * 60 + minute);
  return text.empty() && hour < 24 && minute < 60;
}

}  // namespace

Result<int64_t> ParseTime(std::string_view text) {
  int64_t micros = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), micros);
  if (error == std::errc() && end == text.data() + text.size()) return micros;
  std::string_view rest = text;
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, fraction = 0, zone = 0;
  const bool shaped = TakeNumber(rest, 4, year) && Take(rest, "-") && TakeNumber(rest, 2, month) && Take(rest, "-") &&
                      TakeNumber(rest, 2, day) && Take(rest, "Tt ") && TakeNumber(rest, 2, hour) && Take(rest, ":") &&
                      TakeNumber(rest, 2, minute) && Take(rest, ":") && TakeNumber(rest, 2, second) &&
                      TakeFraction(rest, fraction) && TakeZone(rest, zone);
  const std::chrono::year_month_day date(std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day)));
  if (!shaped || !date.ok() || hour > 23 || minute > 59 || second > 60) {
    return InvalidArgument("time: '" + std::string(text.substr(0, 40)) + "' is not a time",
                           "write 2024-05-01T12:00:00Z, or microseconds since 1970");
  }
  const int64_t since_midnight = ((hour * 60 + minute - zone) * int64_t{60} + second) * 1'000'000 + fraction;
  return sys_days(date).time_since_epoch().count() * kMicrosPerDay + since_midnight;
}

std::string FormatTime(int64_t micros) {
  int64_t day = micros / kMicrosPerDay, rest = micros % kMicrosPerDay;
  if (rest < 0) --day, rest += kMicrosPerDay;
  const std::chrono::year_month_day date{sys_days(days(day))};
  char text[64];
  std::snprintf(text, sizeof(text), "%04d-%02u-%02uT%02d:%02d:%02d.%06dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(rest / 3'600'000'000), static_cast<int>(rest / 60'000'000 % 60),
                static_cast<int>(rest / 1'000'000 % 60), static_cast<int>(rest % 1'000'000));
  return text;
}

}  // namespace perennial::sources
