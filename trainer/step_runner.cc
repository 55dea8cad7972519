#include "trainer/step_runner.h"

namespace perennial::trainer {
namespace {

class EagerRunner final : public StepRunner {
 public:
  void Run(const std::function<void()>& body, bool) override { body(); }
  std::unique_ptr<Recording> Record(const std::function<void()>&) override { return nullptr; }
  uint64_t Mark() override { return 0; }
  void Wait(uint64_t) override {}
  void WaitForDevice() override {}
};

}  // namespace

void StepRunner::CopyAll(const std::vector<torch::Tensor>& to, const std::vector<torch::Tensor>& from) {
  for (size_t i = 0; i < to.size(); ++i) torch::Tensor(to[i]).copy_(from[i]);
}

std::unique_ptr<StepRunner> MakeStepRunner(torch::Device device, std::string_view precision) {
  if (device.is_cuda()) {
    if (auto runner = MakeCudaStepRunner(precision)) return runner;
  }
  return std::make_unique<EagerRunner>();
}

}  // namespace perennial::trainer
