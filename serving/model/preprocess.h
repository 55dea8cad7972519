#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "serving/model/model.h"
#include "storage/media/image.h"

namespace perennial::model {

// One sample on its way into a batch. Borrowed pointers must live until the batch is made.
struct RawInput {
  const media::Image* pixels = nullptr;  // already spec.image_size x spec.image_size; null: no image
  std::string_view text;                 // empty: no text
};

// Byte tokens: byte value + 1, 0 is padding; cut at a UTF-8 character boundary to spec.text_length. Result: [length]
// values.
std::vector<int64_t> Tokenize(std::string_view text, int64_t max_length);

// Decoded picture -> the model's square, by media::Resize (the same in training and serving).
media::Image FitImage(const media::Image& image, const format::ModelSpec& spec);

// Packs a batch on `device`. Token length is spec.text_length always, so that an answer never depends on its
// neighbours' lengths.
ModelInput MakeBatch(const std::vector<RawInput>& inputs, const format::ModelSpec& spec, torch::Device device);

// The same on the CPU with the pictures as bytes: images [batch, 3, side, side] u8, strided as [batch, side, side, 3].
// A quarter of the bytes to move to a device, where UnpackImages makes MakeBatch's values of them.
ModelInput MakePackedBatch(const std::vector<RawInput>& inputs, const format::ModelSpec& spec);
// [batch, 3, side, side] u8 to f32 in [-1, 1], strides kept; floats stay as they are.
torch::Tensor UnpackImages(const torch::Tensor& images);

}  // namespace perennial::model
