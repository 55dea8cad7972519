#include "tests/api/schema_check.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

namespace perennial::api {
namespace {

using nlohmann::json;

bool HasType(const json& value, const std::string& type) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "integer") return value.is_number_integer();
  if (type == "number") return value.is_number();
  if (type == "boolean") return value.is_boolean();
  if (type == "null") return value.is_null();
  return false;
}

class Validator {
 public:
  explicit Validator(const json& document) : document_(document) {}

  const json& Resolve(const json& node) const {
    if (!node.contains("$ref")) return node;
    return Resolve(document_.at(json::json_pointer(node.at("$ref").get<std::string>().substr(1))));
  }

  void Check(const json& schema_or_ref, const json& value, const std::string& where) {
    const json& schema = Resolve(schema_or_ref);
    static const std::set<std::string> known = {
        "type",    "enum",   "const",       "required", "properties", "additionalProperties", "items", "allOf",
        "default", "format", "description", "minimum",  "maximum"};
    for (const auto& [keyword, unused] : schema.items()) {
      if (!known.contains(keyword)) Fail(where, "keyword " + keyword + " is not checked by this test");
    }
    if (schema.contains("type") && !TypeFits(schema["type"], value)) {
      return Fail(where, value.dump() + " is not of type " + schema["type"].dump());
    }
    if (schema.contains("const") && value != schema["const"])
      Fail(where, value.dump() + " is not " + schema["const"].dump());
    if (schema.contains("enum")) {
      const json& choices = schema["enum"];
      if (std::find(choices.begin(), choices.end(), value) == choices.end())
        Fail(where, value.dump() + " is not in the enum");
    }
    if (schema.contains("minimum") && value.is_number() && value < schema["minimum"]) Fail(where, "below the minimum");
    if (schema.contains("maximum") && value.is_number() && value > schema["maximum"]) Fail(where, "above the maximum");
    if (schema.contains("allOf")) {
      for (const json& part : schema["allOf"]) Check(part, value, where);
    }
    if (value.is_object()) CheckObject(schema, value, where);
    if (value.is_array() && schema.contains("items")) {
      for (size_t i = 0; i < value.size(); ++i) Check(schema["items"], value[i], where + "/" + std::to_string(i));
    }
  }

  const std::string& errors() const { return errors_; }

 private:
  static bool TypeFits(const json& type, const json& value) {
    if (type.is_string()) return HasType(value, type.get<std::string>());
    return std::any_of(type.begin(), type.end(),
                       [&](const json& one) { return HasType(value, one.get<std::string>()); });
  }

  void CheckObject(const json& schema, const json& value, const std::string& where) {
    for (const json& key : schema.value("required", json::array())) {
      if (!value.contains(key.get<std::string>())) Fail(where, key.dump() + " is missing");
    }
    const json properties = schema.value("properties", json::object());
    for (const auto& [key, member] : value.items()) {
      if (properties.contains(key)) {
        Check(properties[key], member, where + "/" + key);
      } else if (schema.contains("additionalProperties")) {
        const json& additional = schema["additionalProperties"];
        if (additional == false) Fail(where, "member " + key + " is not in the schema");
        if (additional.is_object()) Check(additional, member, where + "/" + key);
      }
    }
  }

  void Fail(const std::string& where, const std::string& what) { errors_ += where + ": " + what + "\n"; }

  const json& document_;
  std::string errors_;
};

std::vector<std::string> Segments(std::string_view path) {
  std::vector<std::string> segments;
  while (!path.empty()) {
    path.remove_prefix(1);
    const auto end = std::min(path.find('/'), path.size());
    segments.emplace_back(path.substr(0, end));
    path.remove_prefix(end);
  }
  return segments;
}

bool Matches(const std::string& pattern, std::string_view path) {
  const auto want = Segments(pattern), have = Segments(path);
  if (want.size() != have.size()) return false;
  for (size_t i = 0; i < want.size(); ++i) {
    if (!want[i].starts_with('{') && want[i] != have[i]) return false;
  }
  return true;
}

}  // namespace

Status CheckAnswer(std::string_view document_text, std::string_view method, std::string_view path, int status,
                   std::string_view content_type, std::string_view body) {
  const json document = json::parse(document_text);
  Validator validator(document);
  std::string lower(method);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) { return static_cast<char>(c | 0x20); });
  path = path.substr(0, path.find('?'));
  const std::string where = std::string(method) + " " + std::string(path) + " -> " + std::to_string(status);
  // A literal path goes before one with a parameter, as in the server.
  const json* item = nullptr;
  for (const auto& [pattern, candidate] : document["paths"].items()) {
    if (pattern == path) item = &candidate;
    if (item == nullptr && Matches(pattern, path)) item = &candidate;
  }
  if (item == nullptr || !item->contains(lower)) return Internal(where + ": not in the document");
  const json& responses = (*item)[lower]["responses"];
  if (!responses.contains(std::to_string(status))) return Internal(where + ": this status is not in the document");
  const json& response = validator.Resolve(responses[std::to_string(status)]);
  if (!response.contains("content"))
    return body.empty() ? Status::Ok() : Internal(where + ": a body that is not in the document");
  const std::string media(content_type.substr(0, content_type.find(';')));
  if (!response["content"].contains(media))
    return Internal(where + ": content type " + media + " is not in the document");
  if (media != "application/json" && media != "application/problem+json") return Status::Ok();
  const json value = json::parse(body, nullptr, false);
  if (value.is_discarded()) return Internal(where + ": the body is not JSON");
  validator.Check(response["content"][media]["schema"], value, where);
  return validator.errors().empty() ? Status::Ok() : Internal(validator.errors());
}

}  // namespace perennial::api
