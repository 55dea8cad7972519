#include "updater/transport/allow_list.h"

#include <algorithm>

#include "storage/base/log.h"

namespace perennial::transport {
namespace {

constexpr std::chrono::seconds kMaxAge{1};
constexpr std::chrono::milliseconds kPerRead{100};  // a stranger's read costs this much of the budget
constexpr std::chrono::seconds kMaxBudget{2};

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

bool AllowList::MayReadForStranger(SteadyTime now) {
  budget_since_ = std::max(budget_since_, now - kMaxBudget);
  if (now - budget_since_ < kPerRead) return false;
  budget_since_ += kPerRead;
  return true;
}

std::optional<std::string> AllowList::NameOf(const std::string& public_z85, SteadyTime now) {
  if (public_z85.empty()) return std::nullopt;
  auto found = nodes_.find(public_z85);
  if (found == nodes_.end() && MayReadForStranger(now)) {
    Read(now);
    found = nodes_.find(public_z85);
  }
  if (found == nodes_.end()) return std::nullopt;
  return found->second;
}

}  // namespace perennial::transport
