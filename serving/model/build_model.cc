#include "serving/model/build_model.h"

#include <string>

#include "serving/model/compact_model.h"
#include "serving/model/initialise.h"
#include "serving/model/mlp_model.h"
#include "serving/model/resnet_model.h"

namespace perennial::model {
namespace {

Status CheckLabels(int64_t labels) {
  if (labels >= 0) return Status::Ok();
  return InvalidArgument("a model cannot have " + std::to_string(labels) + " labels");
}

}  // namespace

Result<std::shared_ptr<Model>> BuildUninitialised(const format::ModelSpec& spec, int64_t labels) {
  PERENNIAL_RETURN_IF_ERROR(spec.Validate());
  PERENNIAL_RETURN_IF_ERROR(CheckLabels(labels));
  try {
    if (spec.family == "compact") return std::shared_ptr<Model>(std::make_shared<CompactModel>(spec, labels));
    if (spec.family == "mlp") return std::shared_ptr<Model>(std::make_shared<MlpModel>(spec, labels));
    if (spec.family == "resnet") return std::shared_ptr<Model>(std::make_shared<ResnetModel>(spec, labels));
    return InvalidArgument("model family '" + spec.family + "' is not known to this build",
                           "use the family 'compact', 'mlp' or 'resnet'");
  } catch (const std::exception& error) {
    return ResourceExhausted(std::string("build the model: ") + error.what(), "use a smaller model size");
  }
}

Result<std::shared_ptr<Model>> BuildModel(const format::ModelSpec& spec, int64_t labels, uint64_t seed) {
  PERENNIAL_RETURN_IF_ERROR(CheckLabels(labels));
  PERENNIAL_ASSIGN_OR_RETURN(auto model, BuildUninitialised(spec, 0));
  try {
    InitialiseParameters(*model, seed);
    model->GrowLabels(labels, seed);
  } catch (const std::exception& error) {
    return ResourceExhausted(std::string("initialise the model: ") + error.what(), "use a smaller model size");
  }
  return model;
}

}  // namespace perennial::model
