#include "tests/serving/fakes.h"

#include <gtest/gtest.h>

#include <map>

namespace perennial::serving {
namespace {

class FakePredictor final : public Predictor {
 public:
  FakePredictor(std::shared_ptr<FakeFactory::State> state, std::string name, size_t labels)
      : state_(std::move(state)), name_(std::move(name)), labels_(labels) {
    ++state_->alive;
  }
  ~FakePredictor() override { --state_->alive; }

  Result<std::vector<Scores>> Predict(const std::vector<PreparedInput>& inputs) const override {
    Behaviour behaviour;
    {
      const std::lock_guard lock(state_->mutex);
      state_->batches.push_back(inputs.size());
      if (const auto found = state_->behaviours.find(name_); found != state_->behaviours.end())
        behaviour = found->second;
    }
    if (behaviour) return behaviour(inputs);
    std::vector<Scores> out;
    for (const PreparedInput& input : inputs) {
      Scores scores(labels_, 0.1f);
      scores[input.text.size() % labels_] = 0.8f;
      out.push_back(std::move(scores));
    }
    return out;
  }

 private:
  std::shared_ptr<FakeFactory::State> state_;
  std::string name_;
  size_t labels_;
};

}  // namespace

Result<std::shared_ptr<const Predictor>> FakeFactory::Make(const std::shared_ptr<const format::VersionImage>& image) {
  ++state_->made;
  return std::shared_ptr<const Predictor>(
      std::make_shared<FakePredictor>(state_, image->labels.front(), image->labels.size()));
}

updater::StagedVersion MakeVersion(uint64_t version, const std::string& name, const std::string& content) {
  auto image = std::make_shared<format::VersionImage>();
  image->spec.image_size = 8;
  image->labels = {name, "b", "c"};
  return {VersionId{version}, Sha256(name + "|" + content), std::move(image)};
}

std::string TinyPng() {
  media::Image image;
  image.width = 4;
  image.height = 4;
  image.pixels.assign(48, 100);
  auto bytes = media::EncodePng(image);
  EXPECT_TRUE(bytes.ok());
  return bytes.ok() ? *bytes : std::string();
}

}  // namespace perennial::serving
