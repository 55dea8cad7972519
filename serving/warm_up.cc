#include "serving/warm_up.h"

#include <algorithm>
#include <cmath>

namespace perennial::serving {
namespace {

PreparedInput MakeInput(const format::ModelSpec& spec, bool with_image, bool with_text) {
  PreparedInput input;
  if (with_image) {
    media::Image pixels;
    pixels.width = static_cast<int>(spec.image_size);
    pixels.height = static_cast<int>(spec.image_size);
    pixels.pixels.resize(static_cast<size_t>(spec.image_size * spec.image_size * 3));
    for (size_t i = 0; i < pixels.pixels.size(); ++i) pixels.pixels[i] = static_cast<uint8_t>(i * 37 % 251);
    input.pixels = std::move(pixels);
  }
  if (with_text) input.text = "is there a defect?";
  return input;
}

Status RunOnce(const Predictor& predictor, const format::VersionImage& image,
               const std::vector<PreparedInput>& inputs) {
  const auto outputs = predictor.Predict(inputs);
  if (!outputs.ok()) return FailedPrecondition("warm-up: " + outputs.status().message());
  if (outputs->size() != inputs.size())
    return FailedPrecondition("warm-up: the network gave another number of answers than inputs");
  for (const Scores& scores : *outputs) {
    if (scores.size() != image.labels.size())
      return FailedPrecondition("warm-up: the network gave another number of scores than labels");
    if (!AllFinite(scores)) return FailedPrecondition("warm-up: the network gave scores that are not finite");
  }
  return Status::Ok();
}

}  // namespace

bool AllFinite(const Scores& scores) {
  return std::all_of(scores.begin(), scores.end(), [](float score) { return std::isfinite(score); });
}

Status WarmUp(const Predictor& predictor, const format::VersionImage& image, size_t max_batch, bool all_sizes) {
  const std::vector<PreparedInput> kinds = {MakeInput(image.spec, true, true), MakeInput(image.spec, true, false),
                                            MakeInput(image.spec, false, true)};
  PERENNIAL_RETURN_IF_ERROR(RunOnce(predictor, image, kinds));
  if (!all_sizes) return Status::Ok();
  for (size_t size = 1; size <= max_batch; size = std::min(size * 2, size < max_batch ? max_batch : max_batch + 1)) {
    PERENNIAL_RETURN_IF_ERROR(RunOnce(predictor, image, std::vector<PreparedInput>(size, kinds.front())));
  }
  return Status::Ok();
}

}  // namespace perennial::serving
