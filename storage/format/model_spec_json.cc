#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>

#include "storage/format/model_spec.h"

namespace perennial::format {
namespace {

using Json = nlohmann::json;

// A spec is a few hundred bytes; more is an attack or a mistake.
constexpr size_t kMaxSpecBytes = 16384;

Status WrongType(const std::string& key, const char* wanted) {
  return InvalidArgument("model spec: '" + key + "' must be " + wanted);
}

Status Read(const std::string& key, const Json& value, std::string& out) {
  if (!value.is_string()) return WrongType(key, "a string");
  out = value.get<std::string>();
  return Status::Ok();
}

Status Read(const std::string& key, const Json& value, int64_t& out) {
  const bool too_big = value.is_number_unsigned() && value.get<uint64_t>() > std::numeric_limits<int64_t>::max();
  if (!value.is_number_integer() || too_big) return WrongType(key, "an integer");
  out = value.get<int64_t>();
  return Status::Ok();
}

Status Read(const std::string& key, const Json& value, double& out) {
  if (!value.is_number()) return WrongType(key, "a number");
  out = value.get<double>();
  return Status::Ok();
}

// Calls visit(name, member) for every field, until one returns false: the one list of the spec's keys. Keys come
// sorted, so the family is read before what depends on it.
template <typename Spec, typename Visit>
void EachField(Spec& spec, Visit&& visit) {
  (void)(visit("family", spec.family) && visit("size", spec.size) && visit("image_size", spec.image_size) &&
         visit("vision_channels", spec.vision_channels) && visit("vision_blocks", spec.vision_blocks) &&
         visit("width", spec.width) && visit("heads", spec.heads) && visit("text_layers", spec.text_layers) &&
         visit("text_length", spec.text_length) && visit("text_stride", spec.text_stride) &&
         visit("fusion_layers", spec.fusion_layers) && visit("modality_dropout", spec.modality_dropout) &&
         (spec.family != "mlp" || visit("hidden_layers", spec.hidden_layers)));
}

}  // namespace

std::string ModelSpec::ToJson() const {
  Json json;
  EachField(*this, [&](const char* name, const auto& value) {
    json[name] = value;
    return true;
  });
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<ModelSpec> ModelSpec::FromJson(std::string_view text) {
  if (text.size() > kMaxSpecBytes) return ResourceExhausted("model spec: JSON of more than 16384 bytes");
  const Json json = Json::parse(text.begin(), text.end(), nullptr, false);
  if (!json.is_object()) return InvalidArgument("model spec: not a JSON object");
  ModelSpec spec;
  for (const auto& item : json.items()) {
    const std::string& key = item.key();
    const Json& value = item.value();
    bool known = false;
    Status read;
    EachField(spec, [&](const char* name, auto& field) {
      if (key != name) return true;
      known = true;
      read = Read(key, value, field);
      return false;
    });
    if (!known) return InvalidArgument("model spec: unknown key '" + key + "'", "remove it or correct its spelling");
    PERENNIAL_RETURN_IF_ERROR(read);
  }
  PERENNIAL_RETURN_IF_ERROR(spec.Validate());
  return spec;
}

}  // namespace perennial::format
