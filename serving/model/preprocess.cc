#include "serving/model/preprocess.h"

#include <algorithm>
#include <array>

namespace perennial::model {
namespace {

bool IsContinuation(char byte) { return (static_cast<uint8_t>(byte) & 0xC0) == 0x80; }

// Bytes of `text` that fit in `max` without cutting a character. Text that is no UTF-8 is cut where it stands.
size_t CutLength(std::string_view text, size_t max) {
  if (text.size() <= max) return text.size();
  constexpr size_t kLongestTail = 3;
  size_t cut = max;
  while (cut > 0 && max - cut <= kLongestTail && IsContinuation(text[cut])) --cut;
  return IsContinuation(text[cut]) ? max : cut;
}

// token[i] = byte i + 1 for the bytes that fit; the rest of `out` is left as it is.
void WriteTokens(std::string_view text, int64_t max_length, int64_t* out) {
  const size_t length = CutLength(text, static_cast<size_t>(max_length));
  for (size_t i = 0; i < length; ++i) out[i] = static_cast<uint8_t>(text[i]) + 1;
}

// Byte -> [-1, 1].
const std::array<float, 256>& PixelTable() {
  static const std::array<float, 256> table = [] {
    std::array<float, 256> values{};
    for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(static_cast<double>(i) / 127.5 - 1.0);
    return values;
  }();
  return table;
}

// Interleaved bytes -> three planes of f32.
void WritePlanes(const uint8_t* pixels, size_t count, float* out) {
  const auto& table = PixelTable();
  float* red = out;
  float* green = out + count;
  float* blue = green + count;
  for (size_t i = 0; i < count; ++i, pixels += 3) {
    red[i] = table[pixels[0]];
    green[i] = table[pixels[1]];
    blue[i] = table[pixels[2]];
  }
}

}  // namespace

std::vector<int64_t> Tokenize(std::string_view text, int64_t max_length) {
  std::vector<int64_t> tokens(static_cast<size_t>(std::max<int64_t>(max_length, 0)), 0);
  WriteTokens(text, static_cast<int64_t>(tokens.size()), tokens.data());
  return tokens;
}

media::Image FitImage(const media::Image& image, const format::ModelSpec& spec) {
  const int side = static_cast<int>(spec.image_size);
  if (image.width == side && image.height == side) return image;
  return media::Resize(image, side, side);
}

namespace {

// All but the pictures.
ModelInput TextsAndFlags(const std::vector<RawInput>& inputs, const format::ModelSpec& spec) {
  const auto batch = static_cast<int64_t>(inputs.size());
  ModelInput out;
  out.has_image = torch::empty({batch}, torch::kBool);
  out.tokens = torch::zeros({batch, spec.text_length}, torch::kLong);
  out.has_text = torch::empty({batch}, torch::kBool);
  auto* tokens = out.tokens.data_ptr<int64_t>();
  for (size_t i = 0; i < inputs.size(); ++i, tokens += spec.text_length) {
    out.has_image.data_ptr<bool>()[i] = inputs[i].pixels != nullptr;
    out.has_text.data_ptr<bool>()[i] = !inputs[i].text.empty();
    WriteTokens(inputs[i].text, spec.text_length, tokens);
  }
  return out;
}

}  // namespace

ModelInput MakeBatch(const std::vector<RawInput>& inputs, const format::ModelSpec& spec, torch::Device device) {
  const int64_t side = spec.image_size;
  const auto cells = static_cast<size_t>(side * side);
  ModelInput out = TextsAndFlags(inputs, spec);
  out.images = torch::empty({static_cast<int64_t>(inputs.size()), 3, side, side});
  auto* planes = out.images.data_ptr<float>();
  for (const RawInput& input : inputs) {
    if (input.pixels == nullptr) {
      std::fill_n(planes, 3 * cells, 0.0f);
    } else if (input.pixels->pixels.size() == 3 * cells) {
      WritePlanes(input.pixels->pixels.data(), cells, planes);
    } else {
      WritePlanes(FitImage(*input.pixels, spec).pixels.data(), cells, planes);
    }
    planes += 3 * cells;
  }
  if (device.is_cpu()) return out;
  return {out.images.to(device), out.has_image.to(device), out.tokens.to(device), out.has_text.to(device)};
}

ModelInput MakePackedBatch(const std::vector<RawInput>& inputs, const format::ModelSpec& spec) {
  const int64_t side = spec.image_size;
  const auto bytes = static_cast<size_t>(side * side * 3);
  ModelInput out = TextsAndFlags(inputs, spec);
  torch::Tensor pixels = torch::empty({static_cast<int64_t>(inputs.size()), side, side, 3}, torch::kUInt8);
  auto* to = pixels.data_ptr<uint8_t>();
  for (const RawInput& input : inputs) {
    if (input.pixels == nullptr) {
      std::fill_n(to, bytes, uint8_t{0});
    } else if (input.pixels->pixels.size() == bytes) {
      std::copy_n(input.pixels->pixels.data(), bytes, to);
    } else {
      std::copy_n(FitImage(*input.pixels, spec).pixels.data(), bytes, to);
    }
    to += bytes;
  }
  out.images = pixels.permute({0, 3, 1, 2});
  return out;
}

torch::Tensor UnpackImages(const torch::Tensor& images) {
  if (images.scalar_type() != torch::kUInt8) return images;
  const torch::Tensor floats = images.to(torch::kFloat32).div_(127.5).sub_(1);
  // Bytes lie with channels last. On a CPU they must not stay so: oneDNN of Debian 12 writes behind the gradient of a
  // convolution over few channels.
  return floats.is_cuda() ? floats : floats.contiguous();
}

}  // namespace perennial::model
