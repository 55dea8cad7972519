#include <nlohmann/json.hpp>
#include <ostream>

#include "api/cli/commands.h"

namespace perennial::cli {

int RunGenerate(Context& context, const GenerateOptions& options) {
  if (options.layout != "folder" && options.layout != "tar") {
    return FailUsage(context, InvalidArgument("layout '" + options.layout + "' is not known", "folder or tar"));
  }
  if (const Status valid = options.simulator.Validate(); !valid.ok()) return FailUsage(context, valid);
  const auto layout = options.layout == "tar" ? sources::DatasetLayout::kTar : sources::DatasetLayout::kFolder;
  if (const Status written = sources::WriteDataset(options.simulator, options.path, layout); !written.ok()) {
    return Fail(context, written);
  }
  const auto schedule = options.simulator.schedule.empty() ? sources::SimulatorSlices() : options.simulator.schedule;
  const uint64_t train = schedule.size() * options.simulator.train_per_slice;
  const uint64_t test = schedule.size() * options.simulator.test_per_slice;
  if (context.json) {
    const nlohmann::ordered_json json = {
        {"path", options.path}, {"slices", schedule}, {"train", train}, {"test", test}};
    return PrintJson(context, json.dump());
  }
  context.out << "wrote " << train << " training and " << test << " test samples of " << schedule.size()
              << " slices to " << options.path << "\n  next: perennial feed " << options.path << '\n';
  return kExitOk;
}

}  // namespace perennial::cli
