#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "storage/base/rng.h"
#include "storage/format/version_image.h"

// Version images for tests: small, valid, drawn from a seed.
namespace perennial::format {

inline TensorRecord RandomInt8Tensor(std::string name, std::vector<int64_t> shape, Rng& rng) {
  TensorRecord tensor{std::move(name), TensorKind::kInt8Rows, std::move(shape), {}, {}, {}};
  for (int64_t i = 0; i < tensor.NumElements(); ++i) {
    tensor.codes.push_back(static_cast<int8_t>(std::clamp(rng.Normal() * 30, -127.0, 127.0)));
  }
  for (int64_t i = 0; i < tensor.shape[0]; ++i) tensor.scales.push_back(static_cast<float>(rng.Uniform(1e-4, 1e-2)));
  return tensor;
}

inline TensorRecord RandomFloatTensor(std::string name, std::vector<int64_t> shape, Rng& rng) {
  TensorRecord tensor{std::move(name), TensorKind::kFloat32, std::move(shape), {}, {}, {}};
  for (int64_t i = 0; i < tensor.NumElements(); ++i) tensor.values.push_back(static_cast<float>(rng.Normal()));
  return tensor;
}

// `labels` rows in its head; 3 to 6 further tensors, an empty and a scalar one among them.
inline VersionImage RandomImage(Rng& rng, int64_t labels = 5) {
  VersionImage image;
  image.spec = *ModelSpec::Preset("tiny");
  for (int64_t i = 0; i < labels; ++i) image.labels.push_back("label " + std::to_string(i));
  image.slices = {"default", "line 2"};
  image.trained_until = rng.Below(1000000);
  image.scale_set = 1 + rng.Below(9);
  const uint64_t layers = 1 + rng.Below(4);
  for (uint64_t i = 0; i < layers; ++i) {
    const auto rows = static_cast<int64_t>(1 + rng.Below(24));
    const auto columns = static_cast<int64_t>(1 + rng.Below(40));
    image.tensors.push_back(RandomInt8Tensor("layer" + std::to_string(i) + ".weight", {rows, columns}, rng));
  }
  image.tensors.push_back(RandomFloatTensor("scalar", {}, rng));
  image.tensors.push_back(RandomFloatTensor("empty", {0, 4}, rng));
  image.tensors.push_back(RandomFloatTensor("head.weight", {labels, 12}, rng));
  image.tensors.push_back(RandomFloatTensor("head.bias", {labels}, rng));
  return image;
}

// What a few training steps do: some codes move by one or two, floats drift a little.
inline VersionImage Nudge(VersionImage image, Rng& rng, double changed_codes) {
  for (TensorRecord& tensor : image.tensors) {
    for (int8_t& code : tensor.codes) {
      if (!rng.Chance(changed_codes)) continue;
      const int step = (rng.Chance(0.5) ? 1 : -1) * (rng.Chance(0.9) ? 1 : 2);
      code = static_cast<int8_t>(std::clamp(code + step, -127, 127));
    }
    for (float& value : tensor.values) value += static_cast<float>(rng.Normal() * 1e-3);
  }
  image.trained_until += 640;
  return image;
}

// Rows for `extra` new labels appended to the head, the old rows as they were.
inline VersionImage GrowHead(VersionImage image, int64_t extra, Rng& rng) {
  for (int64_t i = 0; i < extra; ++i) image.labels.push_back("new label " + std::to_string(image.labels.size()));
  for (TensorRecord& tensor : image.tensors) {
    if (tensor.name.rfind("head.", 0) != 0) continue;
    tensor.shape[0] += extra;
    while (static_cast<int64_t>(tensor.values.size()) < tensor.NumElements()) {
      tensor.values.push_back(static_cast<float>(rng.Normal()));
    }
  }
  return image;
}

}  // namespace perennial::format
