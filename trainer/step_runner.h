#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "trainer/side_work.h"

namespace perennial::trainer {

// Device work that was recorded once and is launched as a whole. Owns whatever memory it works in; what it reads and
// writes outside of that must stay where it was.
class Recording {
 public:
  virtual ~Recording() = default;
  virtual void Replay() = 0;
};

// Where a step's device work runs: operation by operation, or recorded as a CUDA graph and replayed. All of it runs in
// the order of the calls; on a GPU the calls return before the work is done. Owned by one learner, for one thread.
class StepRunner {
 public:
  virtual ~StepRunner() = default;
  // `body` begins operations and looks at no value. `tune`: the shapes are there to stay, so that it pays to try out
  // which algorithms are fastest for them.
  virtual void Run(const std::function<void()>& body, bool tune) = 0;
  // Records what `body` begins, without doing it. Null when that is not possible here, or failed (logged).
  virtual std::unique_ptr<Recording> Record(const std::function<void()>& body) = 0;
  // to[i] = from[i], in few operations where the device can; within a body.
  virtual void CopyAll(const std::vector<torch::Tensor>& to, const std::vector<torch::Tensor>& from);
  // For work beside other work, within a body that is being recorded; null elsewhere, where algorithms are tried out
  // one by one.
  virtual SideWork* side_work() { return nullptr; }
  // Names what was begun here so far; Wait() for it later. Of the last kMarks only.
  static constexpr uint64_t kMarks = 4;
  virtual uint64_t Mark() = 0;
  // Waits until what the mark names is done.
  virtual void Wait(uint64_t mark) = 0;
  // The same for the whole device: before others touch what the steps work on, and after they did.
  virtual void WaitForDevice() = 0;
};

// On one device. precision: as TrainerOptions; other than float32 on CUDA only.
std::unique_ptr<StepRunner> MakeStepRunner(torch::Device device, std::string_view precision);

// By cuda_graph.cc where LibTorch has CUDA, by no_cuda_graph.cc elsewhere (null).
std::unique_ptr<StepRunner> MakeCudaStepRunner(std::string_view precision);

}  // namespace perennial::trainer
