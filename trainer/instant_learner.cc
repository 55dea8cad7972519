#include "trainer/instant_learner.h"

#include <algorithm>
#include <utility>

#include "serving/model/answer.h"
#include "storage/base/bytes.h"
#include "trainer/guarded.h"

namespace perennial::trainer {
namespace {

constexpr std::string_view kMagic = "PIL1";
constexpr size_t kMaxSpecBytes = 4096;

Status CheckInput(const model::ModelInput& input, size_t labels, int64_t side) {
  const auto batch = static_cast<int64_t>(labels);
  const bool good = input.images.dim() == 4 && input.images.size(0) == batch && input.images.size(1) == 3 &&
                    input.images.size(2) == side && input.images.size(3) == side && input.tokens.dim() == 2 &&
                    input.tokens.size(0) == batch && input.has_image.numel() == batch &&
                    input.has_text.numel() == batch;
  if (good) return Status::Ok();
  return InvalidArgument("instant learner: the batch does not fit " + std::to_string(labels) +
                             " labels and pictures of " + std::to_string(side) + " pixels",
                         "make it with MakeBatch for the same network");
}

model::ModelInput OnCpu(const model::ModelInput& input) {
  return {input.images.to(torch::kCPU, torch::kFloat32).contiguous(),
          input.has_image.to(torch::kCPU, torch::kBool).contiguous(),
          input.tokens.to(torch::kCPU, torch::kLong).contiguous(),
          input.has_text.to(torch::kCPU, torch::kBool).contiguous()};
}

// Rows of zeros for labels that have no samples yet.
void GrowTo(int64_t labels, model::InstantSolution& solution) {
  if (labels <= solution.labels()) return;
  solution.weight.resize(static_cast<size_t>(labels * solution.features));
  solution.bias.resize(static_cast<size_t>(labels));
}

}  // namespace

Status InstantOptions::Validate() const {
  PERENNIAL_RETURN_IF_ERROR(spec.Validate());
  return solver.Validate();
}

Result<std::unique_ptr<InstantLearner>> InstantLearner::Open(const InstantOptions& options,
                                                             const format::ModelSpec& network) {
  PERENNIAL_RETURN_IF_ERROR(options.Validate());
  PERENNIAL_ASSIGN_OR_RETURN(auto features, model::RandomFeatures::Make(model::FeatureOptions(options.spec, network)));
  return std::unique_ptr<InstantLearner>(new InstantLearner(options, std::move(features)));
}

Result<std::vector<float>> InstantLearner::Extract(const model::ModelInput& input) const {
  return Guarded("instant features", [&]() -> Result<std::vector<float>> {
    const model::ModelInput here = OnCpu(input);
    std::vector<float> rows(static_cast<size_t>(here.images.size(0) * features_.features()));
    features_.Extract(model::ViewOf(here), rows.data());
    return rows;
  });
}

Status InstantLearner::Take(const model::ModelInput& input, const std::vector<int64_t>& labels, float sign) {
  PERENNIAL_RETURN_IF_ERROR(CheckInput(input, labels.size(), features_.options().image_size));
  PERENNIAL_ASSIGN_OR_RETURN(const std::vector<float> rows, Extract(input));
  const auto count = static_cast<int64_t>(labels.size());
  PERENNIAL_RETURN_IF_ERROR(Guarded("instant statistics", [&] {
    return sign > 0 ? statistics_.Add(rows.data(), labels.data(), count)
                    : statistics_.Remove(rows.data(), labels.data(), count);
  }));
  if (!too_many_ && solver_.CanUpdate(statistics_, static_cast<int64_t>(signs_.size()) + count)) {
    recent_.insert(recent_.end(), rows.begin(), rows.end());
    signs_.insert(signs_.end(), labels.size(), sign);
  } else {
    too_many_ = true;
    recent_.clear();
    signs_.clear();
  }
  return Status::Ok();
}

Status InstantLearner::Observe(const model::ModelInput& input, const std::vector<int64_t>& labels) {
  return Take(input, labels, 1);
}

Status InstantLearner::Forget(const model::ModelInput& input, const std::vector<int64_t>& labels) {
  return Take(input, labels, -1);
}

Status InstantLearner::Forget(InstantLearner& samples) {
  return Guarded("instant statistics", [&]() -> Status {
    PERENNIAL_RETURN_IF_ERROR(statistics_.Subtract(samples.statistics_));
    too_many_ = true;
    recent_.clear();
    signs_.clear();
    return Status::Ok();
  });
}

Result<model::InstantSolution> InstantLearner::Solve(int64_t labels, bool anew) {
  return Guarded("instant solver", [&]() -> Result<model::InstantSolution> {
    statistics_.Flush();
    if (!anew && !too_many_) {
      Result<model::InstantSolution> updated = solver_.Update(statistics_, recent_.data(), signs_);
      if (updated.ok()) {
        GrowTo(labels, *updated);
        return updated;
      }
    }
    PERENNIAL_ASSIGN_OR_RETURN(model::InstantSolution solution, solver_.Solve(statistics_));
    too_many_ = false;
    recent_.clear();
    signs_.clear();
    GrowTo(labels, solution);
    return solution;
  });
}

Result<model::InstantSolution> InstantLearner::SolveWith(const model::ModelInput& input,
                                                         const std::vector<int64_t>& labels, int64_t total) const {
  PERENNIAL_RETURN_IF_ERROR(CheckInput(input, labels.size(), features_.options().image_size));
  PERENNIAL_ASSIGN_OR_RETURN(const std::vector<float> rows, Extract(input));
  return Guarded("instant solver", [&]() -> Result<model::InstantSolution> {
    InstantStatistics with = statistics_;
    PERENNIAL_RETURN_IF_ERROR(with.Add(rows.data(), labels.data(), static_cast<int64_t>(labels.size())));
    with.Flush();
    PERENNIAL_ASSIGN_OR_RETURN(model::InstantSolution solution, InstantSolver(solver_.options()).Solve(with));
    GrowTo(total, solution);
    return solution;
  });
}

Result<std::vector<float>> InstantLearner::Scores(const model::InstantSolution& solution,
                                                  const model::ModelInput& input) const {
  PERENNIAL_RETURN_IF_ERROR(
      CheckInput(input, static_cast<size_t>(input.images.size(0)), features_.options().image_size));
  PERENNIAL_ASSIGN_OR_RETURN(const std::vector<float> rows, Extract(input));
  const int64_t width = features_.features();
  const auto count = static_cast<int64_t>(rows.size()) / width;
  std::vector<float> scores;
  scores.reserve(static_cast<size_t>(count * solution.labels()));
  for (int64_t i = 0; i < count; ++i) {
    for (int64_t c = 0; c < solution.labels(); ++c) {
      double sum = solution.bias[static_cast<size_t>(c)];
      const double* weight = solution.weight.data() + c * width;
      const float* row = rows.data() + i * width;
      for (int64_t j = 0; j < width; ++j) {
        sum += weight[j] * (static_cast<double>(row[j]) - solution.mean[static_cast<size_t>(j)]);
      }
      scores.push_back(static_cast<float>(sum));
    }
  }
  return scores;
}

std::string InstantLearner::Save() {
  ByteWriter out;
  out.Raw(kMagic);
  out.Bytes(options_.spec.ToJson());
  out.Varint(static_cast<uint64_t>(features_.options().image_size));
  out.F64(solver_.options().ridge);
  out.Raw(statistics_.Save());
  return out.Take();
}

Result<std::unique_ptr<InstantLearner>> InstantLearner::Load(std::string_view bytes, const InstantOptions& options,
                                                             const format::ModelSpec& network) {
  ByteReader in(bytes);
  if (in.Raw(kMagic.size()) != kMagic) return Corruption("instant learner: wrong magic");
  const std::string_view json = in.Bytes(kMaxSpecBytes);
  const uint64_t image_size = in.Varint();
  const double ridge = in.F64();
  if (!in.ok()) return Corruption("instant learner: truncated");
  const Result<format::InstantSpec> spec = format::InstantSpec::FromJson(json);
  if (!spec.ok()) return Corruption("instant learner: " + spec.status().message());
  if (*spec != options.spec || image_size != static_cast<uint64_t>(network.image_size)) {
    return FailedPrecondition("instant learner: saved for other features than are asked for (" + spec->ToJson() + ")",
                              "keep width and seed, or observe the log's samples anew");
  }
  PERENNIAL_ASSIGN_OR_RETURN(auto statistics, InstantStatistics::Load(in.Raw(in.remaining())));
  if (statistics.features() != spec->width) return Corruption("instant learner: statistics of another width");
  InstantSolverOptions solver = options.solver;
  solver.ridge = ridge;
  if (const Status valid = solver.Validate(); !valid.ok()) return Corruption("instant learner: " + valid.message());
  PERENNIAL_ASSIGN_OR_RETURN(auto learner, Open(options, network));
  learner->statistics_ = std::move(statistics);
  learner->solver_.set_ridge(ridge);
  return learner;
}

}  // namespace perennial::trainer
