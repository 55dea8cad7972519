#include "api/bench/gpu_train_dump.h"

#include <torch/torch.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "serving/model/model.h"
#include "trainer/wrapped_strategy.h"

namespace perennial::bench {
namespace {

void Append(std::ofstream& out, const void* data, int64_t bytes) {
  out.write(static_cast<const char*>(data), static_cast<std::streamsize>(bytes));
}

// Another strategy, whose batches are written on their way.
class Recorded final : public trainer::WrappedStrategy {
 public:
  Recorded(std::unique_ptr<trainer::Strategy> inner, BatchDump& dump)
      : WrappedStrategy(std::move(inner)), dump_(dump) {}
  void Prepare(uint64_t step, int64_t labels, trainer::StepBatch& batch) override {
    WrappedStrategy::Prepare(step, labels, batch);
    dump_.Write(step, batch);
  }

 private:
  BatchDump& dump_;
};

}  // namespace

BatchDump::BatchDump(std::string folder, uint64_t steps)
    : folder_(std::move(folder)),
      steps_(steps),
      pixels_(folder_ + "/pixels.u8", std::ios::binary),
      targets_(folder_ + "/targets.i64", std::ios::binary),
      offsets_(folder_ + "/offsets.u64", std::ios::binary),
      recent_(folder_ + "/recent.u8", std::ios::binary),
      lines_(folder_ + "/steps.jsonl") {}

Result<std::unique_ptr<BatchDump>> BatchDump::Open(std::string folder, uint64_t steps) {
  std::unique_ptr<BatchDump> dump(new BatchDump(std::move(folder), steps));
  if (!dump->lines_ || !dump->pixels_) {
    return NotFound("cannot write to \"" + dump->folder_ + "\"", "give --dump a folder that exists");
  }
  return dump;
}

Status BatchDump::WriteWeights(const trainer::TrainerOptions& options, int64_t labels) const {
  PERENNIAL_ASSIGN_OR_RETURN(const auto network, model::BuildModel(options.spec, labels, options.seed));
  std::ofstream values(folder_ + "/weights.f32", std::ios::binary);
  nlohmann::json list = nlohmann::json::array();
  for (const auto& item : network->named_parameters()) {
    const torch::Tensor value = item.value().detach().contiguous();
    list.push_back({{"name", item.key()}, {"shape", value.sizes().vec()}});
    Append(values, value.data_ptr<float>(), value.numel() * 4);
  }
  std::ofstream(folder_ + "/weights.json") << list.dump();
  const nlohmann::json settings = {{"learning_rate", options.learning_rate},
                                   {"ema_decay", options.ema_decay},
                                   {"labels", labels},
                                   {"steps", steps_}};
  std::ofstream(folder_ + "/options.json") << settings.dump();
  return values ? Status::Ok() : Unavailable("cannot write the weights to " + folder_);
}

std::function<Result<std::unique_ptr<trainer::Strategy>>(std::string_view name)> BatchDump::Maker() {
  return [this](std::string_view name) -> Result<std::unique_ptr<trainer::Strategy>> {
    PERENNIAL_ASSIGN_OR_RETURN(auto inner, trainer::MakeStrategy(name));
    return std::unique_ptr<trainer::Strategy>(std::make_unique<Recorded>(std::move(inner), *this));
  };
}

void BatchDump::Write(uint64_t step, const trainer::StepBatch& batch) {
  if (step >= steps_) return;
  torch::Tensor images = batch.input.images;  // [rows, 3, side, side]
  if (images.scalar_type() != torch::kUInt8) images = images.add(1).mul(127.5).round().to(torch::kUInt8);
  const torch::Tensor pixels = images.permute({0, 2, 3, 1}).contiguous();
  Append(pixels_, pixels.data_ptr<uint8_t>(), pixels.numel());
  Append(targets_, batch.targets.data_ptr<int64_t>(), batch.targets.numel() * 8);
  for (const Offset offset : batch.offsets) Append(offsets_, &offset.value, 8);
  Append(recent_, batch.recent.data_ptr<bool>(), batch.recent.numel());
  const nlohmann::json line = {{"step", step},
                               {"rows", batch.targets.size(0)},
                               {"fresh", batch.fresh},
                               {"labels", batch.recent.numel()},
                               {"stored_weight", batch.stored_logits_weight.item<float>()},
                               {"taught", batch.form != 0}};
  lines_ << line.dump() << '\n';
}

}  // namespace perennial::bench
