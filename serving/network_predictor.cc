#include "serving/network_predictor.h"

#include <torch/torch.h>

#include <exception>
#include <utility>

#include "serving/model/answer.h"
#include "serving/model/instant_head.h"
#include "serving/model/model.h"
#include "serving/model/preprocess.h"
#include "serving/model/quantise.h"
#include "storage/base/mutex.h"

namespace perennial::serving {
namespace {

// Requests are parallel already; LibTorch's own threads would only fight over the same processors. The setting is per
// thread.
void UseOneThread() {
  static thread_local const bool done = [] {
    at::set_num_threads(1);
    return true;
  }();
  (void)done;
}

// Modules without a version. Thread-safe.
class SparePool {
 public:
  void Put(std::shared_ptr<model::Model> module) {
    MutexLock lock(mutex_);
    modules_.push_back(std::move(module));
  }
  // A spare of this spec, or null. All others are freed here, on the loader's thread.
  std::shared_ptr<model::Model> Take(const format::ModelSpec& spec) {
    std::vector<std::shared_ptr<model::Model>> all;
    {
      MutexLock lock(mutex_);
      all.swap(modules_);
    }
    for (auto& module : all) {
      if (module->spec() == spec) return std::move(module);
    }
    return nullptr;
  }

 private:
  Mutex mutex_;
  std::vector<std::shared_ptr<model::Model>> modules_ GUARDED_BY(mutex_);
};

std::vector<Scores> SplitRows(const torch::Tensor& probabilities) {  // [batch, labels] f32
  const auto rows = static_cast<size_t>(probabilities.size(0));
  const auto labels = static_cast<size_t>(probabilities.size(1));
  const float* data = probabilities.data_ptr<float>();
  std::vector<Scores> out;
  out.reserve(rows);
  for (size_t row = 0; row < rows; ++row) out.emplace_back(data + row * labels, data + (row + 1) * labels);
  return out;
}

class NetworkPredictor final : public Predictor {
 public:
  NetworkPredictor(std::shared_ptr<model::Model> module, std::shared_ptr<const model::InstantHead> instant,
                   std::shared_ptr<SparePool> spares)
      : module_(std::move(module)), instant_(std::move(instant)), spares_(std::move(spares)) {}
  ~NetworkPredictor() override { spares_->Put(std::move(module_)); }

  Result<std::vector<Scores>> Predict(const std::vector<PreparedInput>& inputs) const override {
    if (inputs.empty()) return std::vector<Scores>();
    UseOneThread();
    std::vector<model::RawInput> raw;
    raw.reserve(inputs.size());
    for (const PreparedInput& input : inputs) raw.push_back({input.pixels ? &*input.pixels : nullptr, input.text});
    try {
      const c10::InferenceMode inference;
      const model::ModelInput batch = model::MakeBatch(raw, module_->spec(), torch::kCPU);
      return SplitRows(model::Answer(*module_, instant_.get(), batch));
    } catch (const std::exception& failure) {
      return Internal(std::string("the network failed: ") + failure.what());
    }
  }

 private:
  std::shared_ptr<model::Model> module_;
  std::shared_ptr<const model::InstantHead> instant_;  // null: the version has none
  std::shared_ptr<SparePool> spares_;
};

class NetworkFactory final : public PredictorFactory {
 public:
  Result<std::shared_ptr<const Predictor>> Make(const std::shared_ptr<const format::VersionImage>& image) override {
    UseOneThread();
    std::shared_ptr<const model::InstantHead> instant;
    if (image->instant) {
      PERENNIAL_ASSIGN_OR_RETURN(instant, model::InstantHead::FromImage(*image));
    }
    std::shared_ptr<model::Model> module = spares_->Take(image->spec);
    if (module != nullptr) {
      if (Status loaded = model::LoadInto(*image, *module); !loaded.ok()) {
        spares_->Put(std::move(module));
        return loaded;
      }
    } else {
      PERENNIAL_ASSIGN_OR_RETURN(module, model::Instantiate(*image, torch::kCPU));
    }
    return std::shared_ptr<const Predictor>(
        std::make_shared<NetworkPredictor>(std::move(module), std::move(instant), spares_));
  }

 private:
  std::shared_ptr<SparePool> spares_ = std::make_shared<SparePool>();
};

}  // namespace

std::unique_ptr<PredictorFactory> MakeNetworkFactory() { return std::make_unique<NetworkFactory>(); }

}  // namespace perennial::serving
