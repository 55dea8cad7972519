#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "storage/base/hash.h"
#include "storage/base/status.h"

namespace perennial::format {

// What network to build: everything that decides its parameters' names and shapes, except the label count, which grows.
// JSON on disk and wire. Value type.
struct ModelSpec {
  std::string family = "compact";  // which implementation: "compact", "mlp" or "resnet" (serving/model)
  std::string size = "small";      // the preset it came from: tiny, small, base, mlp, resnet18, or "custom"
  int64_t image_size = 32;         // pixels, square; images are resized to it
  int64_t vision_channels = 32;    // width of the convolutional stem; doubles per stage
  int64_t vision_blocks = 1;       // residual blocks per stage
  int64_t width = 64;              // token width of text encoder and fusion; of "resnet" 8 vision_channels
  int64_t heads = 4;
  int64_t text_layers = 2;
  int64_t text_length = 64;       // bytes read of a text; longer texts are cut at a character boundary
  int64_t text_stride = 1;        // byte positions merged into one text token
  int64_t fusion_layers = 2;      // cross-modal attention blocks
  double modality_dropout = 0.1;  // chance in training to hide one modality of a sample that has both
  int64_t hidden_layers = 2;      // of "mlp" only, each of `width` units; not part of another family's JSON

  friend bool operator==(const ModelSpec&, const ModelSpec&) = default;

  // kInvalidArgument with the offending field.
  Status Validate() const;
  // "tiny", "small", "base" of the compact network; "mlp": 28x28, two hidden layers of 100 (the network of
  // Split-MNIST); "resnet18": 32x32, the network of Split-CIFAR.
  static Result<ModelSpec> Preset(std::string_view size);
  std::string ToJson() const;  // keys sorted, no whitespace: the same spec gives the same bytes
  static Result<ModelSpec> FromJson(std::string_view json);  // unknown keys are errors
  // SHA-256 of ToJson(): two versions with different architecture hashes can never be a delta of each other.
  Hash256 ArchitectureHash() const;
};

}  // namespace perennial::format
