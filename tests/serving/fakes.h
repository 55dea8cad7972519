#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "serving/predictor.h"
#include "updater/update_sink.h"

namespace perennial::serving {

// What a fake network does with a batch; default: scores that depend on the version's first label and on the text's
// length.
using Behaviour = std::function<Result<std::vector<Scores>>(const std::vector<PreparedInput>&)>;

// Makes predictors without LibTorch. A version's behaviour is looked up by its first label. Counts what was built and
// what still lives.
class FakeFactory final : public PredictorFactory {
 public:
  struct State {
    std::mutex mutex;
    std::map<std::string, Behaviour> behaviours;
    std::vector<size_t> batches;  // sizes of all batches seen, warm-ups too
    std::atomic<int> made{0}, alive{0};
  };
  explicit FakeFactory(std::shared_ptr<State> state) : state_(std::move(state)) {}
  Result<std::shared_ptr<const Predictor>> Make(const std::shared_ptr<const format::VersionImage>& image) override;

 private:
  std::shared_ptr<State> state_;
};

// A version whose labels are `name`, "b" and "c"; its root depends on `name` and `content`.
updater::StagedVersion MakeVersion(uint64_t version, const std::string& name, const std::string& content = "");

// A one-colour PNG.
std::string TinyPng();

}  // namespace perennial::serving
