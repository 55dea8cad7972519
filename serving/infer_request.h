#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "serving/engine.h"

namespace perennial::serving {

// One call of the Open Inference Protocol, read from its JSON form.
struct WireRequest {
  std::string id;
  bool has_id = false;
  std::vector<InferRequest> samples;        // one per element of the inputs
  std::vector<std::string> wanted_outputs;  // names; empty: all
};

// Parses the body of POST .../infer: inputs `image` (BYTES, base64) and `text` (BYTES), shape [n] or [n, 1], data flat
// or nested, parameter `routing_key`. kInvalidArgument on anything else, without recursion on the client's depth.
// `model` is named in messages.
Result<WireRequest> ParseInferRequest(std::string_view body, const std::string& model);

// The outputs an answer can hold, in their order.
const std::vector<std::string>& OutputNames();

}  // namespace perennial::serving
