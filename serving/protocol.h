#pragma once

#include <string>

#include "serving/engine.h"
#include "serving/http/server.h"

namespace perennial::serving {

struct ProtocolOptions {
  std::string model_name = "default";
  std::string server_name = "perennial-edge";
  std::string server_version = "0.1.0";
  // Appended to the engine's metrics at every scrape; may be empty.
  std::function<std::string()> more_metrics;
};

// Puts the inference face of a node on a server: the Open Inference Protocol v2 (JSON), the raw-image shortcut, health,
// metadata, feedback and metrics (serving/protocol.md). Errors are {"error": "..."}. REQUIRES: before Listen(); the
// engine outlives the server.
void MountInference(http::Server& server, Engine& engine, ProtocolOptions options);

}  // namespace perennial::serving
