#include "serving/edge/update_metrics.h"

#include <string_view>

namespace perennial::edge {
namespace {

void Append(std::string& out, std::string_view name, std::string_view type, std::string_view help,
            std::string_view labels, uint64_t value) {
  out.append("# HELP ")
      .append(name)
      .append(" ")
      .append(help)
      .append("\n# TYPE ")
      .append(name)
      .append(" ")
      .append(type)
      .append("\n");
  out.append(name).append(labels).append(" ").append(std::to_string(value)).append("\n");
}

}  // namespace

std::string UpdateMetricsText(const updater::SubscriberStatus& status) {
  std::string out;
  Append(out, "perennial_update_downloaded_bytes_total", "counter", "Chunk bytes fetched from the hub.", "",
         status.bytes_downloaded);
  Append(out, "perennial_update_snapshots_total", "counter", "Snapshots fetched.", "", status.snapshots_fetched);
  Append(out, "perennial_update_deltas_total", "counter", "Deltas fetched.", "", status.deltas_fetched);
  Append(out, "perennial_update_stale", "gauge", "1 while no fresh word from the hub has come.", "",
         status.stale ? 1 : 0);
  std::string state = "{state=\"";
  state.append(updater::NodeStateName(status.state)).append("\"}");
  Append(out, "perennial_update_state", "gauge", "The subscriber's state; always 1.", state, 1);
  return out;
}

}  // namespace perennial::edge
