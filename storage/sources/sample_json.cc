#include <nlohmann/json.hpp>
#include <string>

#include "storage/base/bytes.h"
#include "storage/base/config.h"
#include "storage/sources/image_text.h"
#include "storage/sources/source.h"
#include "storage/sources/text_time.h"

namespace perennial::sources {
namespace {

using nlohmann::json;

const std::vector<std::string>& Fields() {
  static const std::vector<std::string> fields = {"image", "text",  "label", "source", "id",
                                                  "group", "slice", "time",  "part",   "meta"};
  return fields;
}

Status WrongType(std::string_view key, std::string_view wanted) {
  return InvalidArgument(std::string(key) + ": must be " + std::string(wanted));
}

// Strings as they are; numbers and booleans in JSON's spelling, since keys and classes are often numbers.
Status ReadScalar(std::string_view key, json& value, std::string& out) {
  if (value.is_string()) {
    out = std::move(value.get_ref<std::string&>());
  } else if (value.is_number() || value.is_boolean()) {
    out = value.dump();
  } else {
    return WrongType(key, "a string");
  }
  return Status::Ok();
}

Status ReadMeta(json& value, std::map<std::string, std::string>& meta) {
  if (!value.is_object()) return WrongType("meta", "an object");
  for (auto& [key, item] : value.items()) PERENNIAL_RETURN_IF_ERROR(ReadScalar("meta." + key, item, meta[key]));
  return Status::Ok();
}

Status ReadPart(json& value, format::Part& part) {
  if (value == "train") {
    part = format::Part::kTrain;
  } else if (value == "test") {
    part = format::Part::kTest;
  } else {
    return InvalidArgument("part: must be \"train\" or \"test\"");
  }
  return Status::Ok();
}

Status ReadTime(json& value, int64_t& time_us) {
  std::string text;
  PERENNIAL_RETURN_IF_ERROR(ReadScalar("time", value, text));
  PERENNIAL_ASSIGN_OR_RETURN(time_us, ParseTime(text));
  return Status::Ok();
}

Status ReadImage(json& value, std::string& image) {
  if (!value.is_string()) return WrongType("image", "base64 text");
  PERENNIAL_ASSIGN_OR_RETURN(image, ImageFromText(value.get_ref<const std::string&>()));
  return Status::Ok();
}

Status ReadLabel(json& value, std::optional<std::string>& label) {
  std::string text;
  PERENNIAL_RETURN_IF_ERROR(ReadScalar("label", value, text));
  if (text.empty()) return InvalidArgument("label: empty", "leave the field out while there is no label");
  label = std::move(text);
  return Status::Ok();
}

Status ReadField(const std::string& key, json& value, format::Sample& sample) {
  if (value.is_null()) return Status::Ok();
  if (key == "image") return ReadImage(value, sample.image);
  if (key == "text") return ReadScalar(key, value, sample.text);
  if (key == "label") return ReadLabel(value, sample.label);
  if (key == "source") return ReadScalar(key, value, sample.source);
  if (key == "id") return ReadScalar(key, value, sample.id);
  if (key == "group") return ReadScalar(key, value, sample.group);
  if (key == "slice") return ReadScalar(key, value, sample.slice);
  if (key == "time") return ReadTime(value, sample.time_us);
  if (key == "part") return ReadPart(value, sample.part);
  return ReadMeta(value, sample.meta);
}

bool IsKnown(const std::string& key) {
  for (const std::string& field : Fields()) {
    if (field == key) return true;
  }
  return false;
}

}  // namespace

Result<format::Sample> SampleFromJson(std::string_view text) {
  json object = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (object.is_discarded()) return InvalidArgument("not valid JSON (or not valid UTF-8)", "one JSON object a line");
  if (!object.is_object()) return InvalidArgument("not a JSON object", "one JSON object a line");
  format::Sample sample;
  for (auto& [key, value] : object.items()) {
    if (!IsKnown(key)) {
      const std::string closest = ClosestWord(key, Fields());
      return InvalidArgument("unknown field '" + key + "'",
                             closest.empty() ? "put it into \"meta\"" : "did you mean '" + closest + "'?");
    }
    PERENNIAL_RETURN_IF_ERROR(ReadField(key, value, sample));
  }
  return sample;
}

std::string SampleToJson(const format::Sample& sample) {
  json object = json::object();
  if (!sample.image.empty()) object["image"] = Base64Encode(sample.image);
  if (!sample.text.empty()) object["text"] = sample.text;
  if (sample.label) object["label"] = *sample.label;
  if (!sample.source.empty()) object["source"] = sample.source;
  if (!sample.id.empty()) object["id"] = sample.id;
  if (!sample.group.empty()) object["group"] = sample.group;
  if (!sample.slice.empty()) object["slice"] = sample.slice;
  if (sample.time_us != 0) object["time"] = sample.time_us;
  if (sample.part == format::Part::kTest) object["part"] = "test";
  if (!sample.meta.empty()) object["meta"] = sample.meta;
  return object.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace perennial::sources
