#include "api/bench/continual_exam.h"

#include <algorithm>
#include <numeric>

#include "serving/model/preprocess.h"
#include "serving/model/quantise.h"
#include "storage/base/rng.h"
#include "storage/media/image.h"

namespace perennial::bench {
namespace {

constexpr size_t kBatch = 128;
constexpr uint64_t kMostKeptBytes = 768u << 20;

std::vector<uint32_t> Draw(size_t count, uint64_t most) {
  std::vector<uint32_t> numbers(count);
  std::iota(numbers.begin(), numbers.end(), 0u);
  if (count <= most) return numbers;
  std::sort(numbers.begin(), numbers.end(), [](uint32_t a, uint32_t b) { return Mix64(a) < Mix64(b); });
  numbers.resize(most);
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

std::vector<uint32_t> AllOf(size_t count) { return Draw(count, count); }

}  // namespace

Exam::Exam(const ContinualStream& stream, uint64_t most) : stream_(stream) {
  if (most == 0) most = std::clamp<uint64_t>(2000 / stream.slices.size(), 100, 1000);
  for (const auto& tests : stream.tests) drawn_.push_back(Draw(tests.size(), most));
  const auto& labels = stream.data->labels;
  for (uint32_t i = 0; i < labels.size(); ++i) number_of_.emplace(labels[i], i);
}

Result<Exam::Candidate> Exam::Load(const format::VersionImage& image) const {
  Candidate who;
  PERENNIAL_ASSIGN_OR_RETURN(who.model, model::Instantiate(image, torch::kCPU));
  for (const std::string& label : image.labels) {
    const auto at = number_of_.find(label);
    if (at == number_of_.end()) return Internal("the network has label \"" + label + "\", which the data lacks");
    who.labels.push_back(at->second);
  }
  return who;
}

Status Exam::AskDrawn(const Candidate& who, uint32_t slice, std::vector<Answer>& answers) {
  return Ask(who, stream_.tests[slice], drawn_[slice], &drawn_batches_[slice], answers);
}

Status Exam::AskAll(const Candidate& who, uint32_t slice, std::vector<Answer>& answers) {
  return Ask(who, stream_.tests[slice], AllOf(stream_.tests[slice].size()), nullptr, answers);
}

Status Exam::AskGate(const Candidate& who, uint32_t slice, std::vector<Answer>& answers) {
  return Ask(who, stream_.gate[slice], AllOf(stream_.gate[slice].size()), &gate_batches_[slice], answers);
}

Status Exam::AskItems(const Candidate& who, const std::vector<StreamItem>& items, std::vector<Answer>& answers) {
  return Ask(who, items, AllOf(items.size()), nullptr, answers);
}

Result<model::ModelInput> Exam::MakeBatch(const std::vector<StreamItem>& items, const std::vector<uint32_t>& numbers,
                                          size_t begin, size_t end, const format::ModelSpec& spec) const {
  std::vector<media::Image> pictures(end - begin);
  std::vector<model::RawInput> inputs;
  for (size_t i = begin; i < end; ++i) {
    const StreamItem& item = items[numbers[i]];
    const format::Sample& sample = stream_.data->samples[item.sample];
    media::Image& picture = pictures[i - begin];
    if (!sample.image.empty()) {
      PERENNIAL_ASSIGN_OR_RETURN(picture, media::DecodeImage(sample.image, media::DecodeLimits{}));
      if (!stream_.tasks.empty()) picture = stream_.tasks[item.slice].Apply(picture);
      if (picture.width != spec.image_size || picture.height != spec.image_size) {
        return Internal("a picture is not of the network's size");
      }
    }
    inputs.push_back({sample.image.empty() ? nullptr : &picture, sample.text});
  }
  return model::MakeBatch(inputs, spec, torch::kCPU);
}

Status Exam::Ask(const Candidate& who, const std::vector<StreamItem>& items, const std::vector<uint32_t>& numbers,
                 Batches* kept, std::vector<Answer>& answers) {
  const torch::NoGradGuard no_grad;
  answers.reserve(answers.size() + numbers.size());
  for (size_t begin = 0, batch = 0; begin < numbers.size(); begin += kBatch, ++batch) {
    const size_t end = std::min(numbers.size(), begin + kBatch);
    model::ModelInput input;
    if (kept != nullptr && batch < kept->size()) {
      input = (*kept)[batch];
    } else {
      PERENNIAL_ASSIGN_OR_RETURN(input, MakeBatch(items, numbers, begin, end, who.model->spec()));
      const uint64_t bytes = input.images.nbytes() + input.tokens.nbytes();
      if (kept != nullptr && batch == kept->size() && kept_bytes_ + bytes <= kMostKeptBytes) {
        kept_bytes_ += bytes;
        kept->push_back(input);
      }
    }
    const auto [sure, best] = torch::softmax(who.model->Forward(input).logits, 1).max(1);  // [batch] f32, [batch] i64
    const torch::Tensor confidence = sure.contiguous(), answer = best.contiguous();
    for (size_t i = begin; i < end; ++i) {
      const auto row = static_cast<size_t>(answer.data_ptr<int64_t>()[i - begin]);
      if (row >= who.labels.size()) return Internal("the network answers with an output that has no label");
      answers.push_back({numbers[i], who.labels[row], confidence.data_ptr<float>()[i - begin]});
    }
  }
  return Status::Ok();
}

}  // namespace perennial::bench
