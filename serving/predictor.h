#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "storage/base/status.h"
#include "storage/format/version_image.h"
#include "storage/media/image.h"

namespace perennial::serving {

// One sample ready for the network: pixels already of the version's size. At least one of the two is there.
struct PreparedInput {
  std::optional<media::Image> pixels;
  std::string text;
};

// Softmax over the labels of one sample; a network that broke gives values that are not finite.
using Scores = std::vector<float>;

// The network of one version, behind a seam that needs no LibTorch. Immutable once made; Predict may run on several
// threads at once.
class Predictor {
 public:
  virtual ~Predictor() = default;
  // One Scores per input, in order, each as long as the version's label list.
  virtual Result<std::vector<Scores>> Predict(const std::vector<PreparedInput>& inputs) const = 0;
};

// Makes predictors from versions. Called on the loader's thread only; a predictor may end on any thread, after its last
// request.
class PredictorFactory {
 public:
  virtual ~PredictorFactory() = default;
  virtual Result<std::shared_ptr<const Predictor>> Make(const std::shared_ptr<const format::VersionImage>& image) = 0;
};

// All scores are finite.
bool AllFinite(const Scores& scores);

}  // namespace perennial::serving
