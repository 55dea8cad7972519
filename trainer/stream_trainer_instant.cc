// The cadence of seconds: when a candidate of the instant head alone is due, and what it is made of.
#include <algorithm>
#include <utility>

#include "serving/model/preprocess.h"
#include "trainer/guarded.h"
#include "trainer/stream_trainer.h"

namespace perennial::trainer {

void StreamTrainer::SetPublished(std::shared_ptr<const format::VersionImage> image) {
  published_image_ = std::move(image);
  published_trained_ = published_image_ == nullptr ? 0 : model::TrainedLabels(*published_image_);
}

std::vector<const Prepared*> StreamTrainer::ReadAhead() const {
  std::vector<const Prepared*> ahead;
  for (const Prepared& sample : assembler_->samples()) ahead.push_back(&sample);
  for (const Prepared& sample : assembler_->held_back()) ahead.push_back(&sample);
  return ahead;
}

std::unordered_map<std::string, uint64_t> StreamTrainer::YoungLabels() const {
  std::unordered_map<std::string, uint64_t> young;
  const std::vector<int64_t>& counts = instant_->counts();
  for (size_t c = published_trained_; c < std::min(counts.size(), labels_.size()); ++c) {
    young[labels_.names()[c]] = static_cast<uint64_t>(counts[c]);
  }
  for (const Prepared* sample : ReadAhead()) {
    const std::optional<int64_t> known = labels_.Find(sample->example.label);
    if (!known || static_cast<size_t>(*known) >= published_trained_) ++young[sample->example.label];
  }
  return young;
}

uint64_t StreamTrainer::InstantSamples() const {
  return static_cast<uint64_t>(instant_->samples()) + ReadAhead().size();
}

bool StreamTrainer::InstantDue(bool idle) const {
  if (instant_ == nullptr || published_image_ == nullptr) return false;
  if (options_.instant_every > 0 && InstantSamples() >= instant_samples_ + options_.instant_every) return true;
  if (options_.instant_first == 0) return false;
  const auto young = YoungLabels();
  return std::any_of(young.begin(), young.end(), [&](const auto& label) {
    const auto then = instant_counts_.find(label.first);
    const uint64_t before = then == instant_counts_.end() ? 0 : then->second;
    const uint64_t more = idle ? std::max<uint64_t>(1, before / 8) : before;
    return label.second >= std::max(options_.instant_first, before + more);
  });
}

Result<Candidate> StreamTrainer::MakeInstantCandidate(size_t max_per_slice) {
  if (instant_ == nullptr) return FailedPrecondition("this trainer has no instant head", "set instant_width");
  return Guarded("make an instant candidate", [&]() -> Result<Candidate> {
    instant_counts_ = YoungLabels();
    instant_samples_ = InstantSamples();
    LabelSet labels = labels_;
    std::vector<std::string> slices = slices_;
    std::vector<model::RawInput> inputs;
    CandidateMaker::Waiting waiting;
    int64_t newest = newest_sample_us_;
    for (const Prepared* sample : ReadAhead()) {
      inputs.push_back({sample->example.pixels.get(), sample->example.text});
      waiting.labels.push_back(labels.Add(sample->example.label));
      newest = std::max(newest, sample->appended_us);
      if (std::find(slices.begin(), slices.end(), sample->example.slice) == slices.end()) {
        slices.push_back(sample->example.slice);
      }
    }
    CandidateMaker::Request request = RequestOf(labels.names(), slices, max_per_slice);
    if (!inputs.empty()) {
      waiting.input = model::MakeBatch(inputs, options_.spec, torch::kCPU);
      request.waiting = &waiting;
    }
    PERENNIAL_ASSIGN_OR_RETURN(Candidate candidate, candidates_->MakeInstant(request, published_));
    candidate.newest_sample_us = newest;
    candidate.report.read_until = assembler_->read_until().value;
    return candidate;
  });
}

}  // namespace perennial::trainer
