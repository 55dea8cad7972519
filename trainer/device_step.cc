#include "trainer/device_step.h"

#include <algorithm>
#include <array>
#include <limits>
#include <sstream>
#include <utility>

#include "serving/model/preprocess.h"
#include "trainer/low_precision.h"
#include "trainer/perturbation.h"
#include "trainer/schedule.h"
#include "trainer/stored_logits.h"
#include "trainer/tensor_arena.h"

namespace perennial::trainer {
namespace {

// Steps of one shape before it is recorded. They are steps like others; the algorithms are tried out in the last ones.
constexpr uint64_t kSeenFirst = 1;
constexpr uint64_t kRecordAfter = 4;
// Shapes remembered: full batches, and the few that flushes and growing memories make.
constexpr size_t kMostSlots = 4;

// Of the step's rates, beside the optimiser's.
enum Rate : int64_t { kAverageShare = Optimiser::kRates, kTeacherShare, kAllRates };

std::vector<torch::Tensor*> TensorsOf(StepBatch& batch) {
  return {&batch.input.images, &batch.input.has_image,      &batch.input.tokens, &batch.input.has_text,
          &batch.targets,      &batch.mixed_targets,        &batch.own_share,    &batch.stored_logits,
          &batch.recent,       &batch.stored_logits_weight, &batch.earlier_rows};
}

std::vector<torch::Tensor> ListOf(StepBatch batch, const torch::Tensor& rates) {
  std::vector<torch::Tensor> list;
  for (torch::Tensor* tensor : TensorsOf(batch)) {
    if (tensor->defined() && !tensor->is_non_overlapping_and_dense()) *tensor = tensor->contiguous();
    list.push_back(*tensor);
  }
  list.push_back(rates);
  return list;
}

// Equal for batches whose steps are the same operations.
std::string KeyOf(StepBatch batch, int64_t labels) {
  std::ostringstream key;
  key << batch.form << ' ' << batch.fresh << ' ' << labels;
  for (const torch::Tensor* tensor : TensorsOf(batch)) {
    key << ' ';
    if (tensor->defined()) key << tensor->scalar_type() << tensor->sizes();
  }
  return key.str();
}

}  // namespace

std::vector<torch::Tensor> LearnedParts(const std::vector<torch::Tensor>& records, const FlatParameters& weights) {
  std::vector<torch::Tensor> parts;
  for (const torch::Tensor& record : records) parts.push_back(record.narrow(0, 0, weights.layout().learned));
  return parts;
}

void AdjustGradient(Strategy& strategy, const StepParts& parts, int64_t rows) {
  const torch::NoGradGuard no_grad;
  torch::Tensor gradient = parts.weights.gradients().narrow(0, 0, parts.weights.layout().learned);
  const torch::Tensor snapshot = strategy.KeepsSnapshot() ? parts.teacher->learned() : torch::Tensor();
  const std::vector<torch::Tensor> records = LearnedParts(parts.records, parts.weights);
  strategy.AdjustGradient({parts.weights.learned(), snapshot, gradient, records, rows});
}

struct DeviceStep::Slot {
  std::string key;
  uint64_t seen = 0;
  std::unique_ptr<TensorArena> arena;
  StepBatch batch;        // of views of the arena, on the device
  torch::Tensor rates;    // [kAllRates] f32, likewise
  torch::Tensor results;  // [2 + rows * labels] f32, device: loss, applied, logits
  // The same, pinned: one is read while the next step's is on its way.
  std::array<torch::Tensor, 2> host_results;
  size_t current = 0;
  int64_t rows = 0, labels = 0;
  bool hands_out = false;
  std::unique_ptr<Recording> recording;
};

struct DeviceStep::Networks {
  // With bfloat16, in the order in which they were made; else none.
  std::vector<std::unique_ptr<LowPrecisionCopy>> copies;
  model::Model* student = nullptr;
  model::Model* average = nullptr;
  model::Model* teacher = nullptr;
  std::vector<torch::Tensor> learned;    // the student's parameters that take gradients
  std::vector<torch::Tensor> gradients;  // where those go: views of the flat buffer
};

DeviceStep::Networks& DeviceStep::NetworksOf(const StepParts& parts) {
  if (networks_ != nullptr) return *networks_;
  networks_ = std::make_unique<Networks>();
  Networks& made = *networks_;
  made.student = &parts.student;
  made.average = &parts.average_model;
  made.teacher = &parts.teacher_model;
  if (options_.precision == "bfloat16" && device_.is_cuda()) {
    const auto copy = [&](const model::Model& model, const FlatParameters& source, bool learns) {
      made.copies.push_back(std::make_unique<LowPrecisionCopy>(model, source, learns));
      return &made.copies.back()->model();
    };
    made.student = copy(parts.student, parts.weights, true);
    made.average = copy(parts.average_model, parts.average, false);
    made.teacher = parts.teacher == nullptr ? made.average : copy(parts.teacher_model, *parts.teacher, false);
  }
  auto parameters = made.student->named_parameters();
  for (const FlatLayout::Segment& segment : parts.weights.layout().segments) {
    if (segment.offset >= parts.weights.layout().learned) break;
    made.learned.push_back(parameters[segment.name]);
    made.gradients.push_back(parts.weights.View(parts.weights.gradients(), segment));
  }
  runner_->WaitForDevice();
  return made;
}

DeviceStep::DeviceStep(const TrainerOptions& options, torch::Device device)
    : options_(options),
      device_(device),
      records_(options.step == "graph" || (options.step == "auto" && device.is_cuda())),
      runner_(MakeStepRunner(device, options.precision)) {}

DeviceStep::~DeviceStep() { runner_->WaitForDevice(); }

void DeviceStep::MakeRoom(int64_t rows, int64_t labels) {
  if (handed_out_.defined() && handed_out_.size(0) >= rows && handed_out_.size(1) == labels) return;
  runner_->WaitForDevice();
  // Recordings write to where it was.
  slots_.clear();
  const auto usual = static_cast<int64_t>(options_.new_per_step + options_.replay_per_step);
  const torch::Tensor before = handed_out_;
  handed_out_ = torch::full({std::max(rows, usual), labels}, std::numeric_limits<float>::quiet_NaN(),
                            torch::TensorOptions(torch::kFloat32).device(device_));
  if (before.defined() && before.size(1) == labels) handed_out_.narrow(0, 0, before.size(0)).copy_(before);
  runner_->WaitForDevice();
}

DeviceStep::Slot& DeviceStep::SlotFor(const StepBatch& batch, int64_t labels, bool hands_out) {
  std::string key = KeyOf(batch, labels);
  const auto at = std::find_if(slots_.begin(), slots_.end(), [&](const auto& slot) { return slot->key == key; });
  if (at != slots_.end()) {
    std::rotate(at, at + 1, slots_.end());
    return *slots_.back();
  }
  if (slots_.size() == kMostSlots) slots_.erase(slots_.begin());
  auto slot = std::make_unique<Slot>();
  slot->key = std::move(key);
  slot->rows = batch.targets.size(0);
  slot->labels = labels;
  slot->hands_out = hands_out;
  slot->arena = std::make_unique<TensorArena>(ListOf(batch, torch::zeros({kAllRates})), device_);
  slot->batch = batch;
  const std::vector<torch::Tensor>& views = slot->arena->views();
  size_t next = 0;
  for (torch::Tensor* tensor : TensorsOf(slot->batch)) *tensor = views[next++];
  slot->rates = views[next];
  const auto floats = torch::TensorOptions().dtype(torch::kFloat32);
  const int64_t size = 2 + (hands_out ? slot->rows * labels : 0);
  slot->results = torch::zeros({size}, floats.device(device_));
  for (torch::Tensor& host : slot->host_results) host = torch::zeros({size}, floats.pinned_memory(device_.is_cuda()));
  runner_->WaitForDevice();
  slots_.push_back(std::move(slot));
  return *slots_.back();
}

torch::Tensor DeviceStep::Gradients(Strategy& strategy, const StepContext& context, const StepBatch& batch) {
  for (const auto& copy : networks_->copies) copy->Refresh();
  const torch::Tensor loss = strategy.Loss(context, batch);
  // Not backward(): that would add to what is there, and so need it zeroed.
  std::vector<torch::Tensor> gradients = torch::autograd::grad({loss}, networks_->learned, {}, false, false, true);
  const torch::NoGradGuard no_grad;
  for (size_t i = 0; i < gradients.size(); ++i) {
    if (!gradients[i].defined()) gradients[i] = torch::zeros_like(networks_->gradients[i]);
  }
  runner_->CopyAll(networks_->gradients, gradients);
  return loss.detach();
}

void DeviceStep::Body(const StepParts& parts, Strategy& strategy, uint64_t step, Slot& slot) {
  const Networks& networks = *networks_;
  // The forward pass moves them before it is known whether the step counts.
  const torch::Tensor statistics = parts.weights.statistics().clone();
  torch::Tensor logits;
  const StepContext context{step,
                            *networks.student,
                            *networks.average,
                            *networks.teacher,
                            slot.hands_out ? &logits : nullptr,
                            runner_->side_work()};
  StepBatch batch = slot.batch;
  if (batch.earlier_rows.defined()) {
    const torch::Tensor& rows = batch.earlier_rows;
    batch.stored_logits =
        torch::where(rows.ge(0).unsqueeze(1), handed_out_.index_select(0, rows.clamp_min(0)), batch.stored_logits);
  }
  batch.input.images = model::UnpackImages(batch.input.images);
  if (!parts.weights.channels_last()) batch.input.images = batch.input.images.contiguous();
  const torch::Tensor loss = Gradients(strategy, context, batch);
  if (strategy.PerturbationRadius() > 0) {
    const Perturbation further_up(parts.weights, strategy.PerturbationRadius());
    (void)Gradients(strategy, StepContext{step, context.student, context.average, context.teacher}, batch);
  }
  AdjustGradient(strategy, parts, slot.rows);

  const torch::NoGradGuard no_grad;
  const torch::Tensor norm = parts.weights.gradients().norm();
  const torch::Tensor applied = torch::isfinite(loss).logical_and(torch::isfinite(norm));
  parts.optimiser.StepOnDevice(parts.weights, slot.rates, norm, applied);
  torch::Tensor observed = parts.weights.statistics();
  observed.copy_(torch::where(applied, observed, statistics));
  const torch::Tensor factor = applied.to(torch::kFloat32);
  const torch::Tensor& values = parts.weights.values();
  parts.average.values().lerp_(values, slot.rates[kAverageShare] * factor);
  if (parts.teacher != nullptr) parts.teacher->values().lerp_(values, slot.rates[kTeacherShare] * factor);
  slot.results[0].copy_(loss);
  slot.results[1].copy_(factor);
  if (!logits.defined()) return;
  slot.results.narrow(0, 2, slot.rows * slot.labels).view({slot.rows, slot.labels}).copy_(logits);
  handed_out_.narrow(0, 0, slot.rows).copy_(AsStored(logits));
}

void DeviceStep::Begin(const StepParts& parts, Strategy& strategy, const StepBatch& batch, uint64_t step) {
  TORCH_CHECK(flights_.size() < 2, "two steps are under way");
  NetworksOf(parts);
  const bool hands_out = strategy.UsesStoredLogits();
  const int64_t labels = parts.student.label_count();
  if (hands_out) MakeRoom(batch.targets.size(0), labels);
  Slot& slot = SlotFor(batch, labels, hands_out);
  torch::Tensor rates = torch::empty({kAllRates});
  auto* rate = rates.data_ptr<float>();
  const double full = LearningRateAt(parts.optimiser.steps(), options_.learning_rate, options_.warmup_steps);
  parts.optimiser.NextRates(full * batch.rate_factor, rate);
  rate[kAverageShare] = static_cast<float>(1 - EmaDecayAt(step, options_.ema_decay));
  rate[kTeacherShare] =
      strategy.KeepsSnapshot() ? 0.0F : static_cast<float>(1 - EmaDecayAt(step, options_.teacher_decay));
  slot.arena->Fill(ListOf(batch, rates));
  const auto body = [&] { Body(parts, strategy, step, slot); };
  if (records_ && slot.recording == nullptr && slot.seen >= kRecordAfter) {
    slot.recording = runner_->Record(body);
    if (slot.recording != nullptr) ++recordings_;
  }
  slot.current = 1 - slot.current;
  torch::Tensor& results = slot.host_results[slot.current];
  runner_->Run(
      [&] {
        slot.arena->Upload();
        slot.recording != nullptr ? slot.recording->Replay() : body();
        results.copy_(slot.results, true);
      },
      slot.seen >= kSeenFirst);
  ++slot.seen;
  flights_.push_back({runner_->Mark(), results, hands_out ? slot.rows : 0, labels});
}

StepResult DeviceStep::Finish() {
  TORCH_CHECK(!flights_.empty(), "no step is under way");
  const Flight flight = std::move(flights_.front());
  flights_.pop_front();
  runner_->Wait(flight.mark);
  const auto* values = flight.results.data_ptr<float>();
  StepResult result;
  result.loss = static_cast<double>(values[0]);
  result.applied = values[1] != 0;
  if (flight.rows > 0) {
    result.logits = flight.results.narrow(0, 2, flight.rows * flight.labels).clone().view({flight.rows, flight.labels});
  }
  return result;
}

void DeviceStep::WaitForDevice() { runner_->WaitForDevice(); }

void DeviceStep::Forget() {
  runner_->WaitForDevice();
  slots_.clear();
  networks_.reset();
  handed_out_ = torch::Tensor();
}

}  // namespace perennial::trainer
