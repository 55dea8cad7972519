#include "trainer/evaluator.h"

#include <algorithm>
#include <limits>

#include "serving/model/preprocess.h"
#include "storage/base/log.h"
#include "storage/base/rng.h"

namespace perennial::trainer {
namespace {

using HeldOut = samples::SampleLog::HeldOut;

void KeepAtMost(size_t count, std::vector<Offset>& offsets) {
  if (count == 0 || offsets.size() <= count) return;
  const auto by_hash = [](Offset a, Offset b) { return Mix64(a.value) < Mix64(b.value); };
  std::nth_element(offsets.begin(), offsets.begin() + static_cast<std::ptrdiff_t>(count), offsets.end(), by_hash);
  offsets.resize(count);
  std::sort(offsets.begin(), offsets.end());
}

}  // namespace

uint64_t Evaluator::Item::Bytes() const {
  return 128 + text.size() + label.size() + (pixels == nullptr ? 0 : pixels->pixels.size());
}

Result<std::vector<Offset>> Evaluator::GateOffsets(const std::string& slice, size_t max_per_slice) const {
  PERENNIAL_ASSIGN_OR_RETURN(std::vector<Offset> offsets, log_.HeldOutOffsets(slice, HeldOut::kDrawn));
  if (offsets.empty()) {
    PERENNIAL_ASSIGN_OR_RETURN(offsets, log_.HeldOutOffsets(slice, HeldOut::kAll));
  }
  KeepAtMost(max_per_slice, offsets);
  return offsets;
}

Result<std::vector<Offset>> Evaluator::ReportOffsets(const std::string& slice, size_t max_per_slice) const {
  PERENNIAL_ASSIGN_OR_RETURN(std::vector<Offset> offsets, log_.HeldOutOffsets(slice, HeldOut::kTestPart));
  if (offsets.empty()) {
    PERENNIAL_ASSIGN_OR_RETURN(offsets, log_.HeldOutOffsets(slice, HeldOut::kDrawn));
  }
  KeepAtMost(max_per_slice, offsets);
  return offsets;
}

Result<std::shared_ptr<const Evaluator::Item>> Evaluator::Load(Offset offset, const format::ModelSpec& spec) {
  if (left_out_.contains(offset.value)) return std::shared_ptr<const Item>();
  if (const auto at = cache_.find(offset.value); at != cache_.end()) return at->second;
  PERENNIAL_ASSIGN_OR_RETURN(samples::Entry entry, log_.Read(offset));
  if (!entry.sample.label) {
    return Internal("held-out sample at offset " + offset.ToString() + " has no label, yet it is listed as labelled");
  }
  auto item = std::make_shared<Item>();
  item->text = std::move(entry.sample.text);
  item->label = std::move(*entry.sample.label);
  if (!entry.sample.image.empty()) {
    const Result<media::Image> image = media::DecodeImage(entry.sample.image, options_.image_limits);
    if (!image.ok()) {
      LeaveOut(offset, image.status());
      return std::shared_ptr<const Item>();
    }
    item->pixels = std::make_shared<media::Image>(model::FitImage(*image, spec));
  }
  if (cached_bytes_ + item->Bytes() <= options_.cache_bytes) {
    cached_bytes_ += item->Bytes();
    cache_.emplace(offset.value, item);
  }
  return std::shared_ptr<const Item>(std::move(item));
}

void Evaluator::LeaveOut(Offset offset, const Status& why) {
  left_out_.insert(offset.value);
  // Once: with narrower limits there may be many.
  if (left_out_.size() > 1) return;
  log::Warn("held_out_sample_left_out",
            {{"offset", offset.value}, {"error", why.ToString()}, {"hint", "is max_image_side less than it was?"}});
}

Status Evaluator::Run(model::Model& model, const std::vector<Offset>& offsets, Hide hide, const TakeLogits& take) {
  const torch::NoGradGuard no_grad;
  for (size_t at = 0; at < offsets.size();) {
    std::vector<std::shared_ptr<const Item>> items;  // keeps uncached pictures alive
    std::vector<model::RawInput> inputs;
    std::vector<Offset> loaded;
    for (; at < offsets.size() && loaded.size() < options_.batch; ++at) {
      PERENNIAL_ASSIGN_OR_RETURN(auto item, Load(offsets[at], model.spec()));
      if (item == nullptr) continue;
      inputs.push_back({hide == Hide::kImage ? nullptr : item->pixels.get(),
                        hide == Hide::kText ? std::string_view() : std::string_view(item->text)});
      items.push_back(std::move(item));
      loaded.push_back(offsets[at]);
    }
    if (loaded.empty()) break;
    const model::ModelInput batch = model::MakeBatch(inputs, model.spec(), options_.device);
    take(loaded, model.Forward(batch).logits.to(torch::kCPU));
  }
  return Status::Ok();
}

Status Evaluator::Predict(model::Model& model, const std::vector<Offset>& offsets, Hide hide,
                          Predictions& predictions) {
  std::vector<Offset> missing;
  for (const Offset offset : offsets) {
    if (predictions.count(offset.value) == 0) missing.push_back(offset);
  }
  return Run(model, missing, hide, [&](const std::vector<Offset>& loaded, const torch::Tensor& logits) {
    const torch::Tensor answers = logits.argmax(1).contiguous();
    for (size_t i = 0; i < loaded.size(); ++i) predictions[loaded[i].value] = answers.data_ptr<int64_t>()[i];
  });
}

Status Evaluator::PredictSplit(model::Model& model, const std::vector<Offset>& offsets, int64_t split,
                               std::unordered_map<uint64_t, SplitAnswer>& answers) {
  return Run(model, offsets, Hide::kNothing, [&](const std::vector<Offset>& loaded, const torch::Tensor& logits) {
    const auto [old_best, old_label] = logits.narrow(1, 0, split).max(1);
    torch::Tensor new_label = torch::full_like(old_label, -1);
    torch::Tensor margins = torch::full_like(old_best, -std::numeric_limits<float>::infinity());
    if (split < logits.size(1)) {
      const auto [new_best, best_index] = logits.narrow(1, split, logits.size(1) - split).max(1);
      new_label = (best_index + split).contiguous();
      margins = (new_best - old_best).contiguous();
    }
    const torch::Tensor old_labels = old_label.contiguous();
    for (size_t i = 0; i < loaded.size(); ++i) {
      answers[loaded[i].value] = {old_labels.data_ptr<int64_t>()[i], new_label.data_ptr<int64_t>()[i],
                                  margins.data_ptr<float>()[i]};
    }
  });
}

Result<std::string> Evaluator::TrueLabel(Offset offset) {
  if (const auto at = cache_.find(offset.value); at != cache_.end()) return at->second->label;
  PERENNIAL_ASSIGN_OR_RETURN(samples::Entry entry, log_.Read(offset));
  if (!entry.sample.label) return Internal("held-out sample at offset " + offset.ToString() + " has no label");
  return std::move(*entry.sample.label);
}

Result<Evaluator::Score> Evaluator::ScoreOf(const std::vector<Offset>& offsets, const Predictions& predictions,
                                            const std::vector<std::string>& labels) {
  Score score;
  std::map<std::string, PublishedRecord::SliceScore> classes;
  for (const Offset offset : offsets) {
    if (left_out_.contains(offset.value)) continue;
    PERENNIAL_ASSIGN_OR_RETURN(const std::string truth, TrueLabel(offset));
    const auto answer = predictions.find(offset.value);
    if (answer == predictions.end()) return Internal("no prediction for offset " + offset.ToString());
    const auto index = static_cast<size_t>(answer->second);
    const bool correct = index < labels.size() && labels[index] == truth;
    PublishedRecord::SliceScore& of_class = classes[truth];
    ++of_class.samples;
    ++score.counts.samples;
    if (correct) {
      ++of_class.correct;
      ++score.counts.correct;
    }
  }
  for (const auto& [label, of_class] : classes) score.balanced_accuracy += of_class.Accuracy();
  if (!classes.empty()) score.balanced_accuracy /= static_cast<double>(classes.size());
  return score;
}

}  // namespace perennial::trainer
