#include "serving/admission.h"

#include <algorithm>
#include <numeric>

#include "storage/base/bytes.h"

namespace perennial::serving {
namespace {
constexpr size_t kTopLabels = 5;
}  // namespace

Result<DecodedInput> DecodeRequest(const InferRequest& request, const media::DecodeLimits& limits) {
  if (request.image.empty() && request.text.empty()) {
    return InvalidArgument("the request has neither image nor text", "send a JPEG or PNG image, a UTF-8 text, or both");
  }
  if (request.id.size() > kMaxIdBytes || !IsUtf8(request.id))
    return InvalidArgument("id: must be UTF-8 of at most 256 bytes");
  if (request.routing_key.size() > kMaxIdBytes) return InvalidArgument("routing_key: must have at most 256 bytes");
  if (request.text.size() > kMaxTextBytes) {
    return InvalidArgument("text: has " + std::to_string(request.text.size()) + " bytes; at most " +
                           std::to_string(kMaxTextBytes) + " are taken");
  }
  if (!IsUtf8(request.text)) return InvalidArgument("text: not valid UTF-8", "send the text in UTF-8");
  DecodedInput out;
  out.text = request.text;
  if (!request.image.empty()) {
    auto image = media::DecodeImage(request.image, limits);
    // For the client it is one and the same: this image will never be taken.
    if (!image.ok()) return InvalidArgument("image: " + image.status().message(), image.status().hint());
    out.image = std::move(*image);
  }
  return out;
}

void FillAnswer(const Scores& scores, const std::vector<std::string>& labels, InferAnswer& answer) {
  std::vector<size_t> order(scores.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const size_t count = std::min(kTopLabels, order.size());
  // Equal scores keep the labels' order, so that the same version always gives the same answer.
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(),
                    [&](size_t a, size_t b) { return scores[a] != scores[b] ? scores[a] > scores[b] : a < b; });
  answer.top_labels.clear();
  answer.top_scores.clear();
  for (size_t i = 0; i < count; ++i) {
    answer.top_labels.push_back(labels[order[i]]);
    answer.top_scores.push_back(scores[order[i]]);
  }
  if (count > 0) {
    answer.label = answer.top_labels.front();
    answer.confidence = answer.top_scores.front();
  }
}

}  // namespace perennial::serving
