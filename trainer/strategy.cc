#include "trainer/strategy.h"

#include "storage/base/config.h"
#include "trainer/strategy_cls_er.h"
#include "trainer/strategy_default.h"
#include "trainer/strategy_der.h"
#include "trainer/strategy_er.h"
#include "trainer/strategy_er_ace.h"
#include "trainer/strategy_ewc.h"
#include "trainer/strategy_gdumb.h"
#include "trainer/strategy_lwf.h"
#include "trainer/strategy_max.h"
#include "trainer/strategy_naive.h"
#include "trainer/strategy_retrain.h"

namespace perennial::trainer {
namespace {

struct Registered {
  const char* name;
  std::unique_ptr<Strategy> (*make)();
};

// A new method is one line here and a file pair beside it.
constexpr Registered kStrategies[] = {
    {"cls_er", MakeClsEr},
    {"default", MakeDefault},
    {"der", MakeDer},
    {"der_pp", MakeDerPlusPlus},
    {"er", MakeExperienceReplay},
    {"er_ace", MakeErAce},
    {"ewc", MakeEwc},
    {"gdumb", MakeGdumb},
    {"lwf", MakeLwf},
    {"max", MakeMax},
    {"naive", MakeNaive},
    {"retrain", MakeRetrain},
};

}  // namespace

void Strategy::Prepare(uint64_t, int64_t, StepBatch&) {}

void Strategy::AdjustGradient(const GradientContext&) {}

void Strategy::BeforeSnapshot(const std::vector<torch::Tensor>&) {}

void Strategy::AfterStep(const StepContext&, const StepBatch&) {}

Status Strategy::Load(std::string_view state) {
  if (state.empty()) return Status::Ok();
  return Corruption("strategy " + std::string(name()) + " keeps no state, yet the checkpoint has " +
                    std::to_string(state.size()) + " bytes of it");
}

Result<std::unique_ptr<Strategy>> MakeStrategy(std::string_view name) {
  for (const Registered& known : kStrategies) {
    if (name == known.name) return known.make();
  }
  std::string listed;
  for (const std::string& known : StrategyNames()) listed += (listed.empty() ? "" : ", ") + known;
  const std::string closest = ClosestWord(name, StrategyNames());
  return InvalidArgument("strategy \"" + std::string(name) + "\" is unknown; there are " + listed,
                         closest.empty() ? std::string() : "did you mean \"" + closest + "\"?");
}

std::vector<std::string> StrategyNames() {
  std::vector<std::string> names;
  for (const Registered& known : kStrategies) names.emplace_back(known.name);
  return names;
}

}  // namespace perennial::trainer
