#include "updater/delta_plan.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>

#include "storage/format/image_head.h"

namespace perennial::updater {
namespace {

using format::TensorKind;
using format::TensorRecord;

// Same kind and same shape but for the number of rows.
bool SameRows(const TensorRecord& a, const TensorRecord& b) {
  return a.kind == b.kind && a.shape.size() == b.shape.size() &&
         (a.shape.empty() || std::equal(a.shape.begin() + 1, a.shape.end(), b.shape.begin() + 1));
}

}  // namespace

std::vector<TensorPlan> PlanDelta(const format::VersionImage& base, const format::VersionImage& target) {
  std::unordered_map<std::string_view, const TensorRecord*> by_name;
  for (const TensorRecord& tensor : base.tensors) by_name.emplace(tensor.name, &tensor);
  std::vector<TensorPlan> plans;
  plans.reserve(target.tensors.size());
  for (const TensorRecord& tensor : target.tensors) {
    TensorPlan& plan = plans.emplace_back();
    const size_t codes = format::CodeCount(tensor);
    const size_t floats = format::FloatCount(tensor);
    const auto found = by_name.find(tensor.name);
    if (found != by_name.end() && SameRows(*found->second, tensor)) {
      const TensorRecord& old = *found->second;
      plan.codes.base = old.codes.data();
      plan.codes.common = std::min(codes, old.codes.size());
      const auto& old_floats = old.kind == TensorKind::kInt8Rows ? old.scales : old.values;
      plan.floats.base = old_floats.data();
      plan.floats.common = std::min(floats, old_floats.size());
    }
    plan.codes.fresh = codes - plan.codes.common;
    plan.floats.fresh = floats - plan.floats.common;
  }
  return plans;
}

}  // namespace perennial::updater
