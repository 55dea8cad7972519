#include "trainer/evaluator.h"

#include <algorithm>
#include <limits>

#include "serving/model/answer.h"
#include "serving/model/preprocess.h"
#include "storage/base/log.h"
#include "storage/base/rng.h"

namespace perennial::trainer {
namespace {

using HeldOut = samples::SampleLog::HeldOut;

bool SameFeatures(const model::RandomFeatureOptions& a, const model::RandomFeatureOptions& b) {
  return a.features == b.features && a.seed == b.seed && a.image_size == b.image_size;
}

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

void Evaluator::DropKept() {
  cache_.clear();
  features_.clear();
  cached_bytes_ = 0;
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
    PERENNIAL_RETURN_IF_ERROR(take(loaded, batch, model.Forward(batch).logits.to(torch::kCPU)));
  }
  return Status::Ok();
}

Result<std::vector<float>> Evaluator::Features(const model::InstantHead& head, const format::ModelSpec& spec,
                                               const std::vector<Offset>& loaded) {
  const model::RandomFeatureOptions& options = head.features().options();
  if (!SameFeatures(options, features_of_)) {
    for (const auto& [offset, row] : features_) cached_bytes_ -= row.size();
    features_.clear();
    features_of_ = options;
  }
  const auto width = static_cast<size_t>(options.features);
  std::vector<float> rows(loaded.size() * width);
  std::vector<size_t> missing;
  for (size_t i = 0; i < loaded.size(); ++i) {
    const auto at = features_.find(loaded[i].value);
    if (at == features_.end()) {
      missing.push_back(i);
    } else {
      std::copy(at->second.begin(), at->second.end(), rows.begin() + static_cast<std::ptrdiff_t>(i * width));
    }
  }
  if (missing.empty()) return rows;
  std::vector<std::shared_ptr<const Item>> items;
  std::vector<model::RawInput> inputs;
  for (const size_t i : missing) {
    PERENNIAL_ASSIGN_OR_RETURN(auto item, Load(loaded[i], spec));
    if (item == nullptr) return Internal("held-out sample " + loaded[i].ToString() + " no longer loads");
    inputs.push_back({item->pixels.get(), item->text});
    items.push_back(std::move(item));
  }
  const model::ModelInput batch = model::MakeBatch(inputs, spec, torch::kCPU);
  std::vector<float> made(missing.size() * width);
  head.features().Extract(model::ViewOf(batch), made.data());
  for (size_t k = 0; k < missing.size(); ++k) {
    const float* row = made.data() + k * width;
    std::copy(row, row + width, rows.begin() + static_cast<std::ptrdiff_t>(missing[k] * width));
    if (cached_bytes_ + width > options_.cache_bytes) continue;
    cached_bytes_ += width;
    features_.emplace(loaded[missing[k]].value, std::vector<uint8_t>(row, row + width));
  }
  return rows;
}

Status Evaluator::Predict(model::Model& model, const std::vector<Offset>& offsets, Hide hide, Predictions& predictions,
                          const model::InstantHead* head) {
  std::vector<Offset> missing;
  for (const Offset offset : offsets) {
    if (predictions.count(offset.value) == 0) missing.push_back(offset);
  }
  if (head != nullptr && head->idle()) head = nullptr;
  const auto take = [&](const std::vector<Offset>& loaded, const model::ModelInput& input,
                        torch::Tensor logits) -> Status {
    if (head != nullptr) {
      if (logits.size(1) != head->labels()) return Internal("the instant head has other labels than the network");
      logits = torch::softmax(logits.to(torch::kFloat32), 1).contiguous();
      auto* probabilities = logits.data_ptr<float>();
      if (hide == Hide::kNothing) {
        PERENNIAL_ASSIGN_OR_RETURN(const std::vector<float> features, Features(*head, model.spec(), loaded));
        head->BlendFeatures(features.data(), static_cast<int64_t>(loaded.size()), probabilities);
      } else {
        const model::ModelInput here{input.images.to(torch::kCPU), input.has_image.to(torch::kCPU),
                                     input.tokens.to(torch::kCPU), input.has_text.to(torch::kCPU)};
        head->BlendInto(model::ViewOf(here), probabilities);
      }
    }
    const torch::Tensor answers = logits.argmax(1).contiguous();
    for (size_t i = 0; i < loaded.size(); ++i) predictions[loaded[i].value] = answers.data_ptr<int64_t>()[i];
    return Status::Ok();
  };
  return Run(model, missing, hide, take);
}

Status Evaluator::Probabilities(model::Model& model, const std::vector<Offset>& offsets, std::vector<float>& out) {
  return Run(model, offsets, Hide::kNothing,
             [&](const std::vector<Offset>&, const model::ModelInput&, const torch::Tensor& logits) {
               const torch::Tensor rows = torch::softmax(logits.to(torch::kFloat32), 1).contiguous();
               out.insert(out.end(), rows.data_ptr<float>(), rows.data_ptr<float>() + rows.numel());
               return Status::Ok();
             });
}

Status Evaluator::Scores(const model::InstantHead& head, const format::ModelSpec& spec,
                         const std::vector<Offset>& offsets, std::vector<Offset>& scored, std::vector<float>& out) {
  for (size_t at = 0; at < offsets.size();) {
    std::vector<Offset> loaded;
    for (; at < offsets.size() && loaded.size() < options_.batch; ++at) {
      PERENNIAL_ASSIGN_OR_RETURN(const auto item, Load(offsets[at], spec));
      if (item != nullptr) loaded.push_back(offsets[at]);
    }
    PERENNIAL_ASSIGN_OR_RETURN(const std::vector<float> features, Features(head, spec, loaded));
    const size_t before = out.size();
    out.resize(before + loaded.size() * static_cast<size_t>(head.labels()));
    head.Scores(features.data(), static_cast<int64_t>(loaded.size()), out.data() + before);
    scored.insert(scored.end(), loaded.begin(), loaded.end());
  }
  return Status::Ok();
}

Status Evaluator::PredictSplit(model::Model& model, const std::vector<Offset>& offsets, int64_t split,
                               std::unordered_map<uint64_t, SplitAnswer>& answers) {
  const auto take = [&](const std::vector<Offset>& loaded, const model::ModelInput&, const torch::Tensor& logits) {
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
    return Status::Ok();
  };
  return Run(model, offsets, Hide::kNothing, take);
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
