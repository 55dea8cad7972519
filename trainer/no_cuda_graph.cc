// In place of cuda_graph.cc where LibTorch was built without CUDA, whose headers are then not there.
#include "trainer/step_runner.h"

namespace perennial::trainer {

std::unique_ptr<StepRunner> MakeCudaStepRunner(std::string_view) { return nullptr; }

}  // namespace perennial::trainer
