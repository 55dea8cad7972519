#include "serving/infer_request.h"

#include <simdjson.h>

#include <algorithm>

#include "serving/admission.h"
#include "storage/base/bytes.h"

namespace perennial::serving {
namespace {

namespace dom = simdjson::dom;

constexpr size_t kMaxDepth = 32;
constexpr size_t kMaxInputs = 8;

Status Bad(std::string message) { return InvalidArgument(std::move(message)); }

Result<std::string> StringOf(const dom::element& element, const std::string& what) {
  std::string_view text;
  if (element.get_string().get(text) != simdjson::SUCCESS) return Bad(what + " must be a string");
  return std::string(text);
}

// data: ["a", "b"] or [["a"], ["b"]].
Status ReadStrings(const dom::element& data, const std::string& input, std::vector<std::string>& out) {
  dom::array array;
  if (data.get_array().get(array) != simdjson::SUCCESS)
    return Bad("input '" + input + "': data must be an array of strings");
  for (const dom::element item : array) {
    dom::array nested;
    if (item.get_array().get(nested) == simdjson::SUCCESS) {
      for (const dom::element inner : nested) {
        PERENNIAL_ASSIGN_OR_RETURN(out.emplace_back(), StringOf(inner, "input '" + input + "': each element"));
        if (out.size() > kMaxSamplesPerCall) break;
      }
    } else {
      PERENNIAL_ASSIGN_OR_RETURN(out.emplace_back(), StringOf(item, "input '" + input + "': each element"));
    }
    if (out.size() > kMaxSamplesPerCall) {
      return Bad("input '" + input + "' has more than " + std::to_string(kMaxSamplesPerCall) + " elements");
    }
  }
  return Status::Ok();
}

// Product of the shape; every dimension must be positive, [n] or [n, 1].
Result<size_t> ReadShape(const dom::element& shape, const std::string& input) {
  dom::array dimensions;
  if (shape.get_array().get(dimensions) != simdjson::SUCCESS)
    return Bad("input '" + input + "': shape must be an array");
  size_t count = 0;
  int64_t elements = 0;
  for (const dom::element dimension : dimensions) {
    int64_t value = 0;
    if (dimension.get_int64().get(value) != simdjson::SUCCESS || value < 1 ||
        value > static_cast<int64_t>(kMaxSamplesPerCall)) {
      return Bad("input '" + input + "': each dimension must be 1 to " + std::to_string(kMaxSamplesPerCall));
    }
    if (++count > 2 || (count == 2 && value != 1)) return Bad("input '" + input + "': the shape must be [n] or [n, 1]");
    if (count == 1) elements = value;
  }
  if (count == 0) return Bad("input '" + input + "': the shape must be [n] or [n, 1]");
  return static_cast<size_t>(elements);
}

struct Tensor {
  std::string name;
  std::vector<std::string> values;
};

Result<Tensor> ReadTensor(const dom::element& element, const std::string& model) {
  dom::object object;
  if (element.get_object().get(object) != simdjson::SUCCESS) return Bad("each input must be an object");
  Tensor tensor;
  dom::element field;
  if (object["name"].get(field) != simdjson::SUCCESS) return Bad("an input has no name");
  PERENNIAL_ASSIGN_OR_RETURN(tensor.name, StringOf(field, "an input's name"));
  if (tensor.name != "image" && tensor.name != "text") {
    return Bad("unexpected inference input '" + tensor.name.substr(0, 64) + "' for model '" + model + "'");
  }
  if (object["datatype"].get(field) != simdjson::SUCCESS) return Bad("input '" + tensor.name + "' has no datatype");
  PERENNIAL_ASSIGN_OR_RETURN(const std::string datatype, StringOf(field, "input '" + tensor.name + "': datatype"));
  if (datatype != "BYTES") return Bad("input '" + tensor.name + "': datatype must be BYTES");
  if (object["shape"].get(field) != simdjson::SUCCESS) return Bad("input '" + tensor.name + "' has no shape");
  PERENNIAL_ASSIGN_OR_RETURN(const size_t count, ReadShape(field, tensor.name));
  if (object["data"].get(field) != simdjson::SUCCESS) return Bad("input '" + tensor.name + "' has no data");
  PERENNIAL_RETURN_IF_ERROR(ReadStrings(field, tensor.name, tensor.values));
  if (tensor.values.size() != count) {
    return Bad("input '" + tensor.name + "': the shape says " + std::to_string(count) + " elements, data has " +
               std::to_string(tensor.values.size()));
  }
  return tensor;
}

Status AddTensor(Tensor tensor, WireRequest& request) {
  if (request.samples.empty()) request.samples.resize(tensor.values.size());
  if (request.samples.size() != tensor.values.size()) return Bad("the inputs have different numbers of elements");
  for (size_t i = 0; i < tensor.values.size(); ++i) {
    if (tensor.name == "text") {
      request.samples[i].text = std::move(tensor.values[i]);
    } else if (!tensor.values[i].empty()) {
      auto bytes = Base64Decode(tensor.values[i]);
      if (!bytes.ok()) return Bad("input 'image': element " + std::to_string(i) + " is not base64");
      request.samples[i].image = std::move(*bytes);
    }
  }
  return Status::Ok();
}

Status ReadInputs(const dom::object& body, const std::string& model, WireRequest& request) {
  dom::array inputs;
  if (body["inputs"].get_array().get(inputs) != simdjson::SUCCESS) return Bad("the request has no array 'inputs'");
  std::vector<std::string> seen;
  for (const dom::element element : inputs) {
    if (seen.size() >= kMaxInputs) return Bad("too many inputs");
    PERENNIAL_ASSIGN_OR_RETURN(Tensor tensor, ReadTensor(element, model));
    if (std::find(seen.begin(), seen.end(), tensor.name) != seen.end())
      return Bad("input '" + tensor.name + "' is given twice");
    seen.push_back(tensor.name);
    PERENNIAL_RETURN_IF_ERROR(AddTensor(std::move(tensor), request));
  }
  return seen.empty() ? Bad("the request has no inputs") : Status::Ok();
}

Status ReadOutputs(const dom::object& body, const std::string& model, WireRequest& request) {
  dom::element outputs;
  if (body["outputs"].get(outputs) != simdjson::SUCCESS) return Status::Ok();
  dom::array array;
  if (outputs.get_array().get(array) != simdjson::SUCCESS) return Bad("'outputs' must be an array");
  for (const dom::element output : array) {
    dom::element field;
    if (output["name"].get(field) != simdjson::SUCCESS) return Bad("an output has no name");
    PERENNIAL_ASSIGN_OR_RETURN(std::string name, StringOf(field, "an output's name"));
    const auto& known = OutputNames();
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      return Bad("unexpected inference output '" + name.substr(0, 64) + "' for model '" + model + "'");
    }
    auto& wanted = request.wanted_outputs;
    if (std::find(wanted.begin(), wanted.end(), name) != wanted.end())
      return Bad("output '" + name + "' is asked for twice");
    wanted.push_back(std::move(name));
  }
  return Status::Ok();
}

Status ReadParameters(const dom::object& body, WireRequest& request) {
  dom::element field;
  if (body["id"].get(field) == simdjson::SUCCESS) {
    PERENNIAL_ASSIGN_OR_RETURN(request.id, StringOf(field, "'id'"));
    request.has_id = true;
  }
  if (body["parameters"].get(field) != simdjson::SUCCESS) return Status::Ok();
  dom::element key;
  if (field["routing_key"].get(key) != simdjson::SUCCESS) return Status::Ok();
  PERENNIAL_ASSIGN_OR_RETURN(const std::string routing_key, StringOf(key, "parameter 'routing_key'"));
  for (InferRequest& sample : request.samples) sample.routing_key = routing_key;
  return Status::Ok();
}

}  // namespace

const std::vector<std::string>& OutputNames() {
  static const std::vector<std::string> names = {"label", "confidence", "top_labels", "top_scores"};
  return names;
}

Result<WireRequest> ParseInferRequest(std::string_view body, const std::string& model) {
  dom::parser parser;
  if (parser.allocate(body.size() + 64, kMaxDepth) != simdjson::SUCCESS)
    return ResourceExhausted("no memory for the request");
  dom::element root;
  if (const auto error = parser.parse(body.data(), body.size()).get(root); error != simdjson::SUCCESS) {
    return Bad(std::string("failed to parse the request JSON buffer: ") + simdjson::error_message(error));
  }
  dom::object object;
  if (root.get_object().get(object) != simdjson::SUCCESS) return Bad("the request must be a JSON object");
  WireRequest request;
  PERENNIAL_RETURN_IF_ERROR(ReadInputs(object, model, request));
  PERENNIAL_RETURN_IF_ERROR(ReadOutputs(object, model, request));
  PERENNIAL_RETURN_IF_ERROR(ReadParameters(object, request));
  for (size_t i = 0; i < request.samples.size(); ++i) {
    if (request.id.empty()) break;
    request.samples[i].id = request.samples.size() == 1 ? request.id : request.id + "/" + std::to_string(i);
  }
  return request;
}

}  // namespace perennial::serving
