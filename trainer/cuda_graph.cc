// The step runner of CUDA devices: a stream of its own, and graphs. The only file of the trainer that sees CUDA's
// headers.
#include <ATen/autocast_mode.h>
#include <ATen/cuda/CUDAEvent.h>
#include <ATen/cuda/CUDAGraph.h>
#include <ATen/ops/_foreach_copy.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include <array>
#include <string>

#include "storage/base/log.h"
#include "trainer/step_runner.h"

namespace perennial::trainer {
namespace {

// bfloat16 for the operations that gain by it, as torch.autocast does it. The cache of cast weights is off: a recording
// must not read what a former step cast.
class Bfloat16Scope {
 public:
  explicit Bfloat16Scope(bool on) : on_(on) {
    if (!on_) return;
    was_ = at::autocast::is_autocast_enabled(at::kCUDA);
    cached_ = at::autocast::is_autocast_cache_enabled();
    at::autocast::set_autocast_enabled(at::kCUDA, true);
    at::autocast::set_autocast_dtype(at::kCUDA, at::kBFloat16);
    at::autocast::set_autocast_cache_enabled(false);
  }
  ~Bfloat16Scope() {
    if (!on_) return;
    at::autocast::set_autocast_enabled(at::kCUDA, was_);
    at::autocast::set_autocast_cache_enabled(cached_);
  }
  Bfloat16Scope(const Bfloat16Scope&) = delete;
  Bfloat16Scope& operator=(const Bfloat16Scope&) = delete;

 private:
  const bool on_;
  bool was_ = false, cached_ = true;
};

class CudaRecording final : public Recording {
 public:
  void Replay() override { graph_.replay(); }
  at::cuda::CUDAGraph& graph() { return graph_; }

 private:
  at::cuda::CUDAGraph graph_;
};

// A second stream. What is made on one of the two and freed while the other reads it may be handed out again only to
// work that comes after the reading: the next fork, or join, sees to that.
class SideStream final : public SideWork {
 public:
  // Of lower priority: the main order of work is what the step waits for.
  SideStream() : stream_(c10::cuda::getStreamFromPool(false)) {}
  void Fork(const std::function<void()>& work) override {
    forked_.record();
    forked_.block(stream_);
    const c10::cuda::CUDAStreamGuard guard(stream_);
    work();
    joined_.record(stream_);
  }
  void Join() override { joined_.block(c10::cuda::getCurrentCUDAStream()); }

 private:
  const c10::cuda::CUDAStream stream_;
  at::cuda::CUDAEvent forked_, joined_;
};

class CudaRunner final : public StepRunner {
 public:
  explicit CudaRunner(std::string_view precision)
      : stream_(c10::cuda::getStreamFromPool(true)), bfloat16_(precision == "bfloat16") {
    c10::cuda::device_synchronize();
  }

  void Run(const std::function<void()>& body, bool tune) override {
    const c10::cuda::CUDAStreamGuard guard(stream_);
    at::globalContext().setBenchmarkCuDNN(tune);
    const Bfloat16Scope precision(bfloat16_);
    body();
  }

  std::unique_ptr<Recording> Record(const std::function<void()>& body) override {
    if (failed_) return nullptr;
    c10::cuda::device_synchronize();
    const c10::cuda::CUDAStreamGuard guard(stream_);
    at::globalContext().setBenchmarkCuDNN(true);
    const Bfloat16Scope precision(bfloat16_);
    auto recording = std::make_unique<CudaRecording>();
    bool begun = false;
    std::string reason;
    try {
      // Thread-local: other threads may go on calling CUDA meanwhile.
      recording->graph().capture_begin({0, 0}, cudaStreamCaptureModeThreadLocal);
      begun = true;
      recording_ = true;
      body();
    } catch (const std::exception& error) {
      reason = error.what();
    }
    recording_ = false;
    try {
      if (begun) recording->graph().capture_end();
    } catch (const std::exception& error) {
      if (reason.empty()) reason = error.what();
    }
    if (reason.empty()) return recording;
    failed_ = true;
    log::Warn("step_not_recorded", {{"error", reason.substr(0, reason.find('\n'))},
                                    {"hint", "steps run operation by operation, several times slower"}});
    return nullptr;
  }

  // One operation for all pairs of one type and the same strides; the others by themselves.
  void CopyAll(const std::vector<torch::Tensor>& to, const std::vector<torch::Tensor>& from) override {
    for (const c10::ScalarType type : {c10::ScalarType::Float, c10::ScalarType::BFloat16}) {
      std::vector<torch::Tensor> targets, sources;
      for (size_t i = 0; i < to.size(); ++i) {
        if (from[i].scalar_type() != type || from[i].strides() != to[i].strides()) continue;
        targets.push_back(to[i]);
        sources.push_back(from[i]);
      }
      if (!targets.empty()) at::_foreach_copy_(targets, sources);
    }
    for (size_t i = 0; i < to.size(); ++i) {
      const c10::ScalarType type = from[i].scalar_type();
      const bool done =
          (type == c10::ScalarType::Float || type == c10::ScalarType::BFloat16) && from[i].strides() == to[i].strides();
      if (!done) torch::Tensor(to[i]).copy_(from[i]);
    }
  }

  SideWork* side_work() override { return recording_ ? &side_ : nullptr; }
  uint64_t Mark() override {
    marks_[marked_ % kMarks].record(stream_);
    return marked_++;
  }
  void Wait(uint64_t mark) override { marks_[mark % kMarks].synchronize(); }
  void WaitForDevice() override { c10::cuda::device_synchronize(); }

 private:
  const c10::cuda::CUDAStream stream_;
  const bool bfloat16_;
  SideStream side_;
  std::array<at::cuda::CUDAEvent, kMarks> marks_;
  uint64_t marked_ = 0;
  bool recording_ = false;
  bool failed_ = false;
};

}  // namespace

std::unique_ptr<StepRunner> MakeCudaStepRunner(std::string_view precision) {
  return std::make_unique<CudaRunner>(precision);
}

}  // namespace perennial::trainer
