#pragma once

#include <memory>
#include <string>

#include "serving/engine.h"
#include "serving/http/auth.h"
#include "serving/http/server.h"
#include "storage/base/clock.h"
#include "storage/base/status.h"
#include "updater/subscriber.h"

namespace perennial::edge {

// Who may ask an edge, when nothing is said: anyone on its machine, and all the world for its health.
http::AuthOptions DefaultAuth();

struct EdgeOptions {
  std::string bundle_folder;           // made by `perennial keys add-node`; names the node
  std::string data_folder;             // versions and slots; made when absent
  updater::SubscriberOptions updates;  // endpoints of the hub and the model's id
  http::ServerOptions http;
  http::AuthOptions auth = DefaultAuth();  // inference, feedback and metrics alike
  serving::EngineOptions engine;           // node_name and model_name are set from the bundle and the model's id
  uint64_t block_cache_bytes = 8u << 20;
  Status Validate() const;
};

// A whole serving node: version store, engine, update subscriber and HTTP face. It serves its last good version before
// it hears of the hub, and goes on without it. Owned by the program (or a test); thread-safe.
class Edge {
 public:
  // Returns when the HTTP face listens and the last good version, if there is one, answers.
  static Result<std::unique_ptr<Edge>> Start(EdgeOptions options, const Clock& clock);
  virtual ~Edge() = default;  // drains and joins
  // "127.0.0.1:41873".
  virtual std::string http_address() const = 0;
  virtual serving::Engine& engine() = 0;
  virtual updater::SubscriberStatus UpdateStatus() const = 0;
  // New requests get 503; running ones finish.
  virtual void Drain() = 0;
};

}  // namespace perennial::edge
