#include "serving/model/initialise.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>

namespace perennial::model {
namespace {

constexpr double kByteDeviation = 1.0;
constexpr double kTokenDeviation = 0.02;

using Parameters = torch::OrderedDict<std::string, torch::Tensor>;

// FNV-1a, 64 bit: the stream key of a parameter.
uint64_t KeyOf(std::string_view name) {
  uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : name) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3ULL;
  return hash;
}

bool Contains(std::string_view name, std::string_view part) { return name.find(part) != std::string_view::npos; }

// 1 / sqrt(inputs of one output), read off the weight that `name` is or stands beside.
double UniformBound(const std::string& name, const Parameters& parameters) {
  const std::string weight_name = name.substr(0, name.rfind('.')) + ".weight";
  const torch::Tensor& weight = parameters[weight_name];
  const int64_t fan_in = weight.numel() / std::max<int64_t>(weight.size(0), 1);
  return 1.0 / std::sqrt(static_cast<double>(std::max<int64_t>(fan_in, 1)));
}

void Initialise(const std::string& name, torch::Tensor tensor, const Parameters& parameters, Rng& rng) {
  const bool is_weight = name.ends_with("weight");
  if (Contains(name, "norm")) {
    tensor.fill_(is_weight || name.ends_with("running_var") ? 1.0 : 0.0);
  } else if (Contains(name, ".second.") || Contains(name, ".film.")) {
    tensor.zero_();
  } else if (is_weight || name.ends_with(".bias")) {
    FillUniform(tensor, UniformBound(name, parameters), rng);
  } else {
    FillNormal(tensor, name.ends_with(".bytes") ? kByteDeviation : kTokenDeviation, rng);
  }
}

float* Writable(const torch::Tensor& tensor) {
  TORCH_CHECK(tensor.device().is_cpu() && tensor.is_contiguous() && tensor.scalar_type() == torch::kFloat);
  return tensor.data_ptr<float>();
}

}  // namespace

void FillNormal(torch::Tensor tensor, double deviation, Rng& rng) {
  float* out = Writable(tensor);
  for (int64_t i = 0; i < tensor.numel(); ++i) out[i] = static_cast<float>(deviation * rng.Normal());
}

void FillUniform(torch::Tensor tensor, double bound, Rng& rng) {
  float* out = Writable(tensor);
  for (int64_t i = 0; i < tensor.numel(); ++i) out[i] = static_cast<float>(rng.Uniform(-bound, bound));
}

void InitialiseParameters(torch::nn::Module& module, uint64_t seed) {
  const torch::NoGradGuard no_grad;
  const auto parameters = module.named_parameters();
  for (const auto& item : parameters) {
    Rng rng(seed, KeyOf(item.key()));
    Initialise(item.key(), item.value(), parameters, rng);
  }
}

}  // namespace perennial::model
