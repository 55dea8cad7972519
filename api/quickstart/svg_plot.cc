#include "api/quickstart/svg_plot.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace perennial::quickstart {
namespace {

constexpr int kLeft = 44;
constexpr int kRight = 10;
constexpr int kTop = 26;
constexpr int kBottom = 34;

std::string Format(const char* format, auto... values) {
  char text[256];
  std::snprintf(text, sizeof text, format, values...);
  return text;
}

// 1500 -> "1.5k", 0.25 -> "0.25".
std::string Short(double value) {
  if (value >= 1e6) return Format("%.3gM", value / 1e6);
  if (value >= 1e3) return Format("%.3gk", value / 1e3);
  return Format("%.3g", value);
}

// The smallest round number (1, 2, 4, 6 or 8 times a power of ten) that is not below `value`, so that quarters of it are readable ticks.
double RoundUp(double value) {
  if (value <= 0) return 1;
  const double power = std::pow(10.0, std::floor(std::log10(value)));
  for (const double factor : {1.0, 2.0, 4.0, 6.0, 8.0}) {
    if (value <= factor * power * (1 + 1e-9)) return factor * power;
  }
  return 10 * power;
}

// The drawing area, and how values map onto it.
struct Frame {
  PlotOptions options;
  double x_max;
  Frame(const PlotOptions& plot, double x) : options(plot), x_max(RoundUp(x)) { options.y_max = RoundUp(plot.y_max); }
  double X(double x) const { return kLeft + (x_max > 0 ? x / x_max : 0) * (options.width - kLeft - kRight); }
  double Y(double y) const {
    const double share = options.y_max > 0 ? std::clamp(y / options.y_max, 0.0, 1.0) : 0;
    return options.height - kBottom - share * (options.height - kTop - kBottom);
  }
};

std::string Axes(const Frame& frame, bool x_ticks) {
  const PlotOptions& options = frame.options;
  std::string svg = Format("<svg viewBox='0 0 %d %d' width='%d' height='%d' role='img'>", options.width, options.height,
                           options.width, options.height);
  svg += Format("<text class='title' x='%d' y='15'>", kLeft) + EscapeHtml(options.title) + "</text>";
  for (int i = 0; i <= 4; ++i) {
    const double value = options.y_max * i / 4;
    svg += Format("<line class='grid' x1='%d' x2='%d' y1='%.1f' y2='%.1f'/>", kLeft, options.width - kRight,
                  frame.Y(value), frame.Y(value));
    svg += Format("<text class='tick' text-anchor='end' x='%d' y='%.1f'>", kLeft - 5, frame.Y(value) + 3) + Short(value) +
           "</text>";
  }
  for (int i = 0; x_ticks && i <= 4; ++i) {
    const double value = frame.x_max * i / 4;
    svg += Format("<text class='tick' text-anchor='middle' x='%.1f' y='%d'>", frame.X(value), options.height - kBottom + 14) +
           Short(value) + "</text>";
  }
  svg += Format("<text class='tick' text-anchor='middle' x='%d' y='%d'>", (options.width + kLeft) / 2, options.height - 4) +
         EscapeHtml(options.x_label) + "</text>";
  return svg;
}

std::string Path(const Frame& frame, const Series& series) {
  std::string path;
  double last_y = 0;
  for (const auto& [x, y] : series.points) {
    if (series.steps && !path.empty()) path += Format("L%.1f %.1f", frame.X(x), frame.Y(last_y));
    path += Format(path.empty() ? "M%.1f %.1f" : "L%.1f %.1f", frame.X(x), frame.Y(y));
    last_y = y;
  }
  return path;
}

}  // namespace

std::string EscapeHtml(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out += c;
    }
  }
  return out;
}

std::string LinePlot(const PlotOptions& options, const std::vector<Series>& series) {
  double x_max = 0;
  for (const Series& one : series) {
    for (const auto& point : one.points) x_max = std::max(x_max, point.first);
  }
  const Frame frame(options, x_max);
  std::string svg = Axes(frame, true);
  for (const Series& one : series) {
    svg += "<path class='line " + one.css_class + "' d='" + Path(frame, one) + "'/>";
    for (const auto& [x, y] : one.points) {
      svg += Format("<circle cx='%.1f' cy='%.1f' r='2' class='dot ", frame.X(x), frame.Y(y)) + one.css_class + "'><title>" +
             EscapeHtml(one.name) + ": " + Short(y) + " at " + Short(x) + "</title></circle>";
    }
  }
  return svg + "</svg>";
}

std::string BarPlot(const PlotOptions& options, const std::vector<BarGroup>& groups) {
  const Frame frame(options, 1);
  std::string svg = Axes(frame, false);
  const double slot = static_cast<double>(options.width - kLeft - kRight) / static_cast<double>(std::max<size_t>(1, groups.size()));
  for (size_t i = 0; i < groups.size(); ++i) {
    const BarGroup& group = groups[i];
    const double width = slot * 0.8 / static_cast<double>(std::max<size_t>(1, group.bars.size()));
    for (size_t j = 0; j < group.bars.size(); ++j) {
      const auto& [css_class, value] = group.bars[j];
      const double x = kLeft + slot * (static_cast<double>(i) + 0.1) + width * static_cast<double>(j);
      svg += Format("<rect x='%.1f' width='%.1f' y='%.1f' height='%.1f' class='", x, width, frame.Y(value),
                    frame.Y(0) - frame.Y(value)) +
             css_class + "'><title>" + EscapeHtml(group.label) + " " + css_class + ": " + Short(value) + "</title></rect>";
    }
    if (groups.size() <= 16 || i % (groups.size() / 12 + 1) == 0) {
      svg += Format("<text class='tick' text-anchor='middle' x='%.1f' y='%d'>",
                    kLeft + slot * (static_cast<double>(i) + 0.5), options.height - kBottom + 14) +
             EscapeHtml(group.label) + "</text>";
    }
  }
  return svg + "</svg>";
}

}  // namespace perennial::quickstart
