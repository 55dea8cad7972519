#include "storage/format/instant_spec.h"

#include <limits>
#include <nlohmann/json.hpp>

namespace perennial::format {
namespace {

using Json = nlohmann::json;

constexpr size_t kMaxSpecBytes = 4096;

Status WrongType(const std::string& key, const char* wanted) {
  return InvalidArgument("instant spec: '" + key + "' must be " + wanted);
}

Status ReadField(const std::string& key, const Json& value, InstantSpec& spec) {
  if (key == "features") {
    if (!value.is_string()) return WrongType(key, "a string");
    spec.features = value.get<std::string>();
    return Status::Ok();
  }
  if (key == "width") {
    const bool too_big = value.is_number_unsigned() && value.get<uint64_t>() > std::numeric_limits<int64_t>::max();
    if (!value.is_number_integer() || too_big) return WrongType(key, "an integer");
    spec.width = value.get<int64_t>();
    return Status::Ok();
  }
  if (key == "seed") {
    if (!value.is_number_unsigned()) return WrongType(key, "an integer of at least 0");
    spec.seed = value.get<uint64_t>();
    return Status::Ok();
  }
  return InvalidArgument("instant spec: unknown key '" + key + "'", "remove it or correct its spelling");
}

}  // namespace

Status InstantSpec::Validate() const {
  if (features != "patch-1") {
    return InvalidArgument("instant spec: features '" + features + "' are not known to this build",
                           "use 'patch-1', or a build that knows them");
  }
  if (width < 16 || width > 16384) {
    return InvalidArgument("instant spec: width is " + std::to_string(width) + ", must be 16 to 16384");
  }
  return Status::Ok();
}

std::string InstantSpec::ToJson() const {
  return Json{{"features", features}, {"seed", seed}, {"width", width}}.dump(-1, ' ', false,
                                                                             Json::error_handler_t::replace);
}

Result<InstantSpec> InstantSpec::FromJson(std::string_view text) {
  if (text.size() > kMaxSpecBytes) return ResourceExhausted("instant spec: JSON of more than 4096 bytes");
  const Json json = Json::parse(text.begin(), text.end(), nullptr, false);
  if (!json.is_object()) return InvalidArgument("instant spec: not a JSON object");
  InstantSpec spec;
  for (const auto& item : json.items()) PERENNIAL_RETURN_IF_ERROR(ReadField(item.key(), item.value(), spec));
  PERENNIAL_RETURN_IF_ERROR(spec.Validate());
  return spec;
}

}  // namespace perennial::format
