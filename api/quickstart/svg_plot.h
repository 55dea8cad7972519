#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace perennial::quickstart {

// One line of a plot.
struct Series {
  std::string name;
  std::string css_class;  // colours live in the page's style sheet
  std::vector<std::pair<double, double>> points;
  bool steps = false;     // holds each value until the next point
};

struct PlotOptions {
  std::string title;
  std::string x_label, y_label;
  double y_max = 1;       // the axis begins at 0
  int width = 360, height = 200;
};

// A line plot as self-contained SVG with axes, ticks and a dot with a tooltip per point. Text is escaped. Pure.
std::string LinePlot(const PlotOptions& options, const std::vector<Series>& series);

// Vertical bars, one group per label, one bar per (class, value) in it.
struct BarGroup {
  std::string label;
  std::vector<std::pair<std::string, double>> bars;  // css class, value
};
std::string BarPlot(const PlotOptions& options, const std::vector<BarGroup>& groups);

// & < > " ' as entities.
std::string EscapeHtml(std::string_view text);

}  // namespace perennial::quickstart
