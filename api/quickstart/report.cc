#include "api/quickstart/report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "api/quickstart/svg_plot.h"

namespace perennial::quickstart {
namespace {

constexpr const char* kStyle = R"(<style>
body{font:15px/1.5 system-ui,sans-serif;max-width:1160px;margin:2rem auto;padding:0 1rem;color:#1c2733;background:#fff}
h1{margin-bottom:.2rem}h2{margin-top:2.2rem}p.sub{color:#5b6b7b;margin-top:0}
table{border-collapse:collapse;margin:1rem 0}td,th{padding:.3rem .9rem;border-bottom:1px solid #e2e8ee;text-align:right}
td:first-child,th:first-child{text-align:left}.cards{display:flex;flex-wrap:wrap;gap:.8rem}
.card{border:1px solid #e2e8ee;border-radius:8px;padding:.6rem 1rem;min-width:9rem}.card b{display:block;font-size:1.45rem}
.plots{display:flex;flex-wrap:wrap;gap:1rem}.title{font-size:13px;font-weight:600;fill:#1c2733}.tick{font-size:10px;fill:#5b6b7b}
.grid{stroke:#edf1f5}.line{fill:none;stroke-width:2}.line.main{stroke:#1769d2}.line.naive{stroke:#e0712c;stroke-dasharray:5 3}
.dot.main,rect.delta{fill:#1769d2}.dot.naive{fill:#e0712c}rect.snapshot{fill:#b9cde6}.key{display:inline-block;width:1.6rem;height:3px;vertical-align:middle;margin:0 .3rem 0 1rem}
</style>)";

std::string Number(double value, int digits) {
  char text[64];
  if (!std::isfinite(value)) return "never";
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

std::string Card(const std::string& value, const std::string& what) {
  return "<div class='card'><b>" + EscapeHtml(value) + "</b>" + EscapeHtml(what) + "</div>";
}

std::string Cards(const Outcome& o) {
  std::string html = "<div class='cards'>";
  html += Card(Number(o.average_accuracy, 3), "accuracy as served");
  html += Card(Number(o.naive_average_accuracy, 3), "naive fine-tuning");
  html += Card(Number(o.forgetting, 3), "forgetting (naive " + Number(o.naive_forgetting, 3) + ")");
  html += Card(std::to_string(o.requests.size()), "requests, " + std::to_string(o.failed_requests) + " failed");
  html += Card(std::to_string(o.swaps), "live swaps, " + std::to_string(o.mixed_version_responses) + " mixed answers");
  html += Card(Number(o.label_to_live_p50_s, 1) + " s", "label to live, median");
  const double ratio = o.delta_bytes_mean > 0 ? static_cast<double>(o.fp32_bytes) / o.delta_bytes_mean : 0;
  html += Card(Number(o.delta_bytes_mean / 1000, 1) + " kB", "per update, " + Number(ratio, 1) + "x below fp32");
  return html + "</div>";
}

Series Curve(const Outcome& outcome, const std::string& trainer, const std::string& slice, const std::string& name) {
  Series series{name, trainer, {}, false};
  const auto curve = outcome.curves.find(trainer);
  if (curve == outcome.curves.end()) return series;
  for (const CurvePoint& point : curve->second) {
    const auto found = point.accuracy.find(slice);
    if (found == point.accuracy.end()) continue;
    series.points.emplace_back(static_cast<double>(point.trained_until), found->second);
  }
  return series;
}

std::string AccuracyPlots(const Outcome& outcome) {
  std::string html = "<h2>Accuracy on held-out data while the stream goes on</h2><p class='sub'><span class='key' "
                     "style='background:#1769d2'></span>Perennial (as shipped)<span class='key' "
                     "style='background:#e0712c'></span>naive fine-tuning on the same stream</p><div class='plots'>";
  for (const std::string& slice : outcome.slices) {
    html += LinePlot({slice, "position in the stream", "accuracy", 1, 360, 200},
                     {Curve(outcome, "naive", slice, "naive"), Curve(outcome, "main", slice, "Perennial")});
  }
  return html + "</div>";
}

std::string SliceTable(const Outcome& outcome) {
  std::string html = "<h2>At the end of the stream</h2><table><tr><th>slice<th>test samples<th>accuracy as served<th>balanced</tr>";
  for (size_t i = 0; i < outcome.slices.size(); ++i) {
    html += "<tr><td>" + EscapeHtml(outcome.slices[i]) + "<td>" + std::to_string(outcome.served[i].samples) + "<td>" +
            Number(outcome.served[i].accuracy, 3) + "<td>" + Number(outcome.served[i].balanced_accuracy, 3) + "</tr>";
  }
  return html + "</table>";
}

std::string BytesPlot(const Outcome& outcome) {
  std::vector<BarGroup> groups;
  double top = 1;
  for (const VersionBytes& version : outcome.versions) {
    groups.push_back({"v" + std::to_string(version.version),
                      {{"snapshot", static_cast<double>(version.snapshot_bytes)},
                       {"delta", static_cast<double>(version.delta_bytes)}}});
    top = std::max(top, static_cast<double>(version.snapshot_bytes));
  }
  return BarPlot({"Bytes per version: snapshot (light), delta from the version before (dark)", "version", "bytes", top, 720, 220},
                 groups);
}

std::string LivePlot(const Outcome& outcome) {
  Series series{"batches", "main", {}, true};
  const auto count = static_cast<double>(outcome.label_to_live_s.size());
  for (size_t i = 0; i < outcome.label_to_live_s.size(); i += std::max<size_t>(1, outcome.label_to_live_s.size() / 60)) {
    series.points.emplace_back(outcome.label_to_live_s[i], static_cast<double>(i + 1) / count);
  }
  return LinePlot({"Label to live on every edge, share of batches", "seconds", "share", 1, 520, 220}, {series});
}

std::string LatencyPlot(const Outcome& outcome) {
  Series series{"p99", "main", {}, true};
  double top = 1;
  const double last = outcome.requests.empty() ? 0 : outcome.requests.back().time_s;
  const double window = std::max(1.0, last / 60);
  std::vector<std::vector<double>> windows(static_cast<size_t>(last / window) + 1);
  for (const RequestRecord& record : outcome.requests) {
    if (record.ok) windows[static_cast<size_t>(record.time_s / window)].push_back(record.latency_ms);
  }
  for (size_t i = 0; i < windows.size(); ++i) {
    if (windows[i].empty()) continue;
    std::sort(windows[i].begin(), windows[i].end());
    const double p99 = windows[i][std::min(windows[i].size() - 1, windows[i].size() * 99 / 100)];
    series.points.emplace_back(static_cast<double>(i) * window, p99);
    top = std::max(top, p99);
  }
  return LinePlot({"Request latency, 99th percentile", "seconds", "ms", top, 520, 220}, {series});
}

}  // namespace

std::string ReportHtml(const Outcome& outcome) {
  std::string html = "<!doctype html><html lang='en'><head><meta charset='utf-8'><title>Perennial quickstart</title>";
  html += kStyle;
  html += "</head><body><h1>Perennial quickstart</h1><p class='sub'>" + std::to_string(outcome.samples_fed) +
          " samples fed once as a stream of " + std::to_string(outcome.slices.size()) +
          " slices, learned, published and swapped live on two edges in " + Number(outcome.wall_s, 0) + " s.</p>";
  html += Cards(outcome) + AccuracyPlots(outcome) + SliceTable(outcome);
  html += "<h2>Updates</h2><div class='plots'>" + BytesPlot(outcome) + LivePlot(outcome) + LatencyPlot(outcome) + "</div>";
  return html + "</body></html>\n";
}

}  // namespace perennial::quickstart
