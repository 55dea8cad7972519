#include "api/bench/continual_exam.h"

#include <algorithm>
#include <numeric>

#include "serving/model/preprocess.h"
#include "serving/model/quantise.h"
#include "storage/base/rng.h"

namespace perennial::bench {
namespace {

constexpr size_t kBatch = 128;

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
  return Ask(who, stream_.tests[slice], drawn_[slice], true, answers);
}

Status Exam::AskAll(const Candidate& who, uint32_t slice, std::vector<Answer>& answers) {
  return Ask(who, stream_.tests[slice], AllOf(stream_.tests[slice].size()), false, answers);
}

Status Exam::AskGate(const Candidate& who, uint32_t slice, std::vector<Answer>& answers) {
  return Ask(who, stream_.gate[slice], AllOf(stream_.gate[slice].size()), true, answers);
}

Status Exam::AskItems(const Candidate& who, const std::vector<StreamItem>& items, std::vector<Answer>& answers) {
  return Ask(who, items, AllOf(items.size()), false, answers);
}

Result<std::shared_ptr<const media::Image>> Exam::Picture(const StreamItem& item, int side, bool keep) {
  const std::pair<uint32_t, uint32_t> key{stream_.tasks.empty() ? 0 : item.slice, item.sample};
  if (const auto at = pictures_.find(key); at != pictures_.end()) return at->second;
  const std::string& png = stream_.data->samples[item.sample].image;
  if (png.empty()) return std::shared_ptr<const media::Image>();
  PERENNIAL_ASSIGN_OR_RETURN(media::Image image, media::DecodeImage(png, media::DecodeLimits{}));
  if (!stream_.tasks.empty()) image = stream_.tasks[item.slice].Apply(image);
  if (image.width != side || image.height != side) return Internal("a picture is not of the network's size");
  auto picture = std::make_shared<const media::Image>(std::move(image));
  if (keep) pictures_.emplace(key, picture);
  return std::shared_ptr<const media::Image>(std::move(picture));
}

Status Exam::Ask(const Candidate& who, const std::vector<StreamItem>& items, const std::vector<uint32_t>& numbers,
                 bool keep, std::vector<Answer>& answers) {
  const torch::NoGradGuard no_grad;
  const format::ModelSpec& spec = who.model->spec();
  for (size_t begin = 0; begin < numbers.size(); begin += kBatch) {
    const size_t end = std::min(numbers.size(), begin + kBatch);
    std::vector<std::shared_ptr<const media::Image>> pictures;
    std::vector<model::RawInput> inputs;
    for (size_t i = begin; i < end; ++i) {
      const StreamItem& item = items[numbers[i]];
      PERENNIAL_ASSIGN_OR_RETURN(auto picture, Picture(item, static_cast<int>(spec.image_size), keep));
      inputs.push_back({picture.get(), stream_.data->samples[item.sample].text});
      pictures.push_back(std::move(picture));
    }
    const torch::Tensor logits = who.model->Forward(model::MakeBatch(inputs, spec, torch::kCPU)).logits;
    const auto [sure, best] = torch::softmax(logits, 1).max(1);  // [batch] f32, [batch] i64
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
