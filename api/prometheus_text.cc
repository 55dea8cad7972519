#include "api/prometheus_text.h"

#include <array>
#include <charconv>
#include <cmath>

namespace perennial::api {
namespace {

void AppendNumber(std::string& out, double value) {
  if (std::isnan(value)) return void(out += "NaN");
  if (std::isinf(value)) return void(out += value > 0 ? "+Inf" : "-Inf");
  std::array<char, 32> buffer;
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  out.append(buffer.data(), end);
}

// Label values may hold anything but a bare backslash, quote or line feed.
void AppendEscaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
}

}  // namespace

void PrometheusText::Family(std::string_view name, std::string_view type, std::string_view help) {
  family_ = name;
  out_.append("# HELP ").append(name).append(" ").append(help).append("\n");
  out_.append("# TYPE ").append(name).append(" ").append(type).append("\n");
}

void PrometheusText::Sample(double value, const Labels& labels, std::string_view suffix) {
  out_.append(family_).append(suffix);
  for (size_t i = 0; i < labels.size(); ++i) {
    out_.append(i == 0 ? "{" : ",").append(labels[i].first).append("=\"");
    AppendEscaped(out_, labels[i].second);
    out_ += '"';
  }
  if (!labels.empty()) out_ += '}';
  out_ += ' ';
  AppendNumber(out_, value);
  out_ += '\n';
}

void PrometheusText::Counter(std::string_view name, std::string_view help, double value) {
  Family(name, "counter", help);
  Sample(value);
}

void PrometheusText::Gauge(std::string_view name, std::string_view help, double value) {
  Family(name, "gauge", help);
  Sample(value);
}

}  // namespace perennial::api
