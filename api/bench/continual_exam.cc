#include "api/bench/continual_exam.h"

#include <algorithm>
#include <numeric>

#include "serving/model/answer.h"
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

Result<Exam::Candidate> Exam::Load(const format::VersionImage& image, Part part) const {
  Candidate who;
  PERENNIAL_ASSIGN_OR_RETURN(who.model, model::Instantiate(image, torch::kCPU));
  if (part == Part::kInstant) {
    format::VersionImage alone = image;
    for (format::TensorRecord& tensor : alone.tensors) {
      if (tensor.name == "instant.blend") std::fill(tensor.values.begin(), tensor.values.end(), 1.0f);
      if (tensor.name == "instant.offset") std::fill(tensor.values.begin(), tensor.values.end(), 0.0f);
    }
    PERENNIAL_ASSIGN_OR_RETURN(who.head, model::InstantHead::FromImage(alone));
  } else if (part == Part::kWhole && image.instant) {
    PERENNIAL_ASSIGN_OR_RETURN(who.head, model::InstantHead::FromImage(image));
  }
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

void Exam::Blend(const Candidate& who, const model::ModelInput& input, Batch* kept, torch::Tensor& probabilities) {
  auto* out = probabilities.data_ptr<float>();
  const auto count = input.images.size(0);
  const auto size = static_cast<size_t>(count * who.head->features().features());
  std::vector<float> features;
  if (kept != nullptr && kept->features.size() == size) {
    features.assign(kept->features.begin(), kept->features.end());
  } else {
    features.resize(size);
    who.head->features().Extract(model::ViewOf(input), features.data());
    if (kept != nullptr && kept->features.empty() && kept_bytes_ + size <= kMostKeptBytes) {
      kept_bytes_ += size;
      kept->features.assign(features.begin(), features.end());
    }
  }
  who.head->BlendFeatures(features.data(), count, out);
}

Status Exam::Ask(const Candidate& who, const std::vector<StreamItem>& items, const std::vector<uint32_t>& numbers,
                 Batches* kept, std::vector<Answer>& answers) {
  const torch::NoGradGuard no_grad;
  answers.reserve(answers.size() + numbers.size());
  for (size_t begin = 0, batch = 0; begin < numbers.size(); begin += kBatch, ++batch) {
    const size_t end = std::min(numbers.size(), begin + kBatch);
    model::ModelInput input;
    if (kept != nullptr && batch < kept->size()) {
      input = (*kept)[batch].input;
    } else {
      PERENNIAL_ASSIGN_OR_RETURN(input, MakeBatch(items, numbers, begin, end, who.model->spec()));
      const uint64_t bytes = input.images.nbytes() + input.tokens.nbytes();
      if (kept != nullptr && batch == kept->size() && kept_bytes_ + bytes <= kMostKeptBytes) {
        kept_bytes_ += bytes;
        kept->push_back({input, {}});
      }
    }
    torch::Tensor probabilities = model::Answer(*who.model, nullptr, input);  // [batch, labels] f32
    if (who.head != nullptr && !who.head->idle()) {
      Blend(who, input, kept != nullptr && batch < kept->size() ? &(*kept)[batch] : nullptr, probabilities);
    }
    const auto [sure, best] = probabilities.max(1);  // [batch] f32, [batch] i64
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
