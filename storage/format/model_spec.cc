#include "storage/format/model_spec.h"

namespace perennial::format {
namespace {

Status InRange(const char* field, int64_t value, int64_t low, int64_t high) {
  if (value >= low && value <= high) return Status::Ok();
  return InvalidArgument(std::string("model spec: ") + field + " is " + std::to_string(value) + ", must be " +
                         std::to_string(low) + " to " + std::to_string(high));
}

Status CheckName(const char* field, std::string_view name) {
  bool good = !name.empty() && name.size() <= 32;
  for (const char c : name) good = good && ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_');
  if (good) return Status::Ok();
  return InvalidArgument(std::string("model spec: ") + field + " must be 1 to 32 of a-z, 0-9, '-' and '_'");
}

}  // namespace

Status ModelSpec::Validate() const {
  PERENNIAL_RETURN_IF_ERROR(CheckName("family", family));
  PERENNIAL_RETURN_IF_ERROR(CheckName("size", size));
  PERENNIAL_RETURN_IF_ERROR(InRange("image_size", image_size, 8, 4096));
  PERENNIAL_RETURN_IF_ERROR(InRange("vision_channels", vision_channels, 1, 4096));
  PERENNIAL_RETURN_IF_ERROR(InRange("vision_blocks", vision_blocks, 1, 64));
  PERENNIAL_RETURN_IF_ERROR(InRange("width", width, 1, 16384));
  PERENNIAL_RETURN_IF_ERROR(InRange("heads", heads, 1, 256));
  PERENNIAL_RETURN_IF_ERROR(InRange("text_layers", text_layers, 0, 256));
  PERENNIAL_RETURN_IF_ERROR(InRange("text_length", text_length, 1, 65536));
  PERENNIAL_RETURN_IF_ERROR(InRange("text_stride", text_stride, 1, text_length));
  PERENNIAL_RETURN_IF_ERROR(InRange("fusion_layers", fusion_layers, 1, 256));
  PERENNIAL_RETURN_IF_ERROR(InRange("hidden_layers", hidden_layers, 1, 64));
  if (width % heads != 0) {
    return InvalidArgument("model spec: width " + std::to_string(width) + " is not a multiple of heads " +
                           std::to_string(heads));
  }
  if (family == "resnet" && width != 8 * vision_channels) {
    return InvalidArgument("model spec: width is " + std::to_string(width) + ", but a resnet's is 8 vision_channels, " +
                           std::to_string(8 * vision_channels));
  }
  if (!(modality_dropout >= 0.0 && modality_dropout < 1.0)) {
    return InvalidArgument("model spec: modality_dropout must be in [0, 1)");
  }
  return Status::Ok();
}

Result<ModelSpec> ModelSpec::Preset(std::string_view size) {
  ModelSpec spec;
  spec.size = std::string(size);
  if (size == "tiny") {
    spec.vision_channels = 16;
    spec.width = 48;
    spec.text_layers = 1;
    spec.fusion_layers = 2;
  } else if (size == "small") {
    spec.vision_channels = 24;
    spec.width = 64;
    spec.text_layers = 1;
    spec.fusion_layers = 2;
  } else if (size == "base") {
    spec.image_size = 64;
    spec.vision_channels = 32;
    spec.vision_blocks = 2;
    spec.width = 128;
    spec.text_length = 128;
    spec.text_layers = 2;
    spec.fusion_layers = 3;
  } else if (size == "mlp") {
    spec.family = "mlp";
    spec.image_size = 28;
    spec.width = 100;
    spec.heads = 1;        // it has none,
    spec.text_length = 1;  // and reads no text
    spec.modality_dropout = 0;
  } else if (size == "resnet18") {
    spec.family = "resnet";
    spec.vision_channels = 64;
    spec.vision_blocks = 2;
    spec.width = 512;      // of the last stage: what the label head reads
    spec.heads = 1;        // it has none,
    spec.text_length = 1;  // and reads no text
    spec.modality_dropout = 0;
  } else {
    return InvalidArgument("there is no model size '" + std::string(size) + "'", "use tiny, small, base, mlp or resnet18");
  }
  return spec;
}

Hash256 ModelSpec::ArchitectureHash() const { return Sha256(ToJson()); }

}  // namespace perennial::format
