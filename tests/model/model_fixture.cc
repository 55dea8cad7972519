#include "model_fixture.h"

#include "storage/base/rng.h"

namespace perennial::model {

format::ModelSpec TestSpec() {
  format::ModelSpec spec;
  spec.size = "custom";
  spec.image_size = 16;
  spec.vision_channels = 8;
  spec.width = 16;
  spec.heads = 2;
  spec.text_layers = 1;
  spec.text_length = 24;
  spec.fusion_layers = 2;
  return spec;
}

std::shared_ptr<Model> TestModel(int64_t labels, uint64_t seed, format::ModelSpec spec) {
  auto model = BuildModel(spec, labels, seed);
  TORCH_CHECK(model.ok(), model.status().ToString());
  return std::move(model).value();
}

ModelInput TestInput(int64_t batch, uint64_t seed, const format::ModelSpec& spec) {
  ModelInput input;
  input.images = torch::zeros({batch, 3, spec.image_size, spec.image_size});
  input.tokens = torch::zeros({batch, spec.text_length}, torch::kLong);
  input.has_image = torch::ones({batch}, torch::kBool);
  input.has_text = torch::ones({batch}, torch::kBool);
  for (int64_t i = 0; i < batch; ++i) {
    Rng rng(seed, static_cast<uint64_t>(i));
    auto* pixels = input.images[i].data_ptr<float>();
    for (int64_t k = 0; k < input.images[i].numel(); ++k) pixels[k] = static_cast<float>(rng.Uniform(-1, 1));
    auto* tokens = input.tokens[i].data_ptr<int64_t>();
    for (int64_t k = 0; k <= (7 * i + 3) % spec.text_length; ++k) tokens[k] = static_cast<int64_t>(rng.Below(256)) + 1;
  }
  return input;
}

ModelInput Slice(const ModelInput& input, int64_t first, int64_t count) {
  return {input.images.narrow(0, first, count), input.has_image.narrow(0, first, count),
          input.tokens.narrow(0, first, count), input.has_text.narrow(0, first, count)};
}

ModelInput To(const ModelInput& input, torch::Device device) {
  return {input.images.to(device), input.has_image.to(device), input.tokens.to(device), input.has_text.to(device)};
}

std::vector<std::string> TestLabels(int64_t count) {
  std::vector<std::string> labels;
  for (int64_t i = 0; i < count; ++i) labels.push_back("label-" + std::to_string(i));
  return labels;
}

std::vector<torch::DeviceType> TestDevices() {
  std::vector<torch::DeviceType> devices{torch::kCPU};
  if (torch::cuda::is_available()) devices.push_back(torch::kCUDA);
  return devices;
}

double Distance(const torch::Tensor& a, const torch::Tensor& b) {
  if (a.numel() == 0 && b.numel() == 0) return 0;
  const auto difference = a.detach().to(torch::kCPU, torch::kDouble) - b.detach().to(torch::kCPU, torch::kDouble);
  return difference.abs().max().item<double>();
}

}  // namespace perennial::model
