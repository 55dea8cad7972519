#include "updater/transport/allow_list.h"

#include "storage/base/log.h"

namespace perennial::transport {
namespace {

constexpr std::chrono::seconds kMaxAge{1};
constexpr std::chrono::milliseconds kShortestAge{100};

}  // namespace

void AllowList::Refresh(SteadyTime now) {
  if (!read_at_.has_value() || now - *read_at_ >= kMaxAge) Read(now);
}

void AllowList::Read(SteadyTime now) {
  read_at_ = now;
  Result<std::map<std::string, std::string>> nodes = keys_.AllowedNodes();
  if (!nodes.ok()) {
    if (!failed_) log::Error("update.allow_list", {{"error", nodes.status().ToString()}});
    failed_ = true;
    return;
  }
  failed_ = false;
  nodes_ = std::move(*nodes);
  names_.clear();
  for (const auto& [key, name] : nodes_) names_.insert(name);
}

std::optional<std::string> AllowList::NameOf(const std::string& public_z85, SteadyTime now) {
  if (public_z85.empty()) return std::nullopt;
  auto found = nodes_.find(public_z85);
  if (found == nodes_.end() && (!read_at_.has_value() || now - *read_at_ >= kShortestAge)) {
    Read(now);
    found = nodes_.find(public_z85);
  }
  if (found == nodes_.end()) return std::nullopt;
  return found->second;
}

}  // namespace perennial::transport
