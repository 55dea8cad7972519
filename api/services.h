#pragma once

#include <cstdint>

#include "api/event_hub.h"
#include "api/idempotency.h"
#include "api/releaser.h"
#include "api/route_table.h"
#include "api/trainer_control.h"
#include "storage/base/clock.h"
#include "storage/samples/sample_log.h"
#include "storage/versions/version_store.h"
#include "updater/rollout.h"
#include "updater/update_server.h"

namespace perennial::api {

struct ApiOptions {
  uint64_t max_backlog = 1'000'000;  // log entries waiting for the main trainer; beyond it ingest answers 429
  size_t max_bulk_items = 10'000;    // lines of one bulk request; more is 413
  uint64_t feedback_timeout_ms = 2'000;
  uint64_t keep_alive_ms = 5'000;  // an idle event stream gets a comment, which also finds out that the peer is gone
  IdempotencyOptions idempotency = {};
  Status Validate() const;
};

// What the handlers work on. Borrowed: all of it outlives the API server. Handlers run on the HTTP server's threads, so
// everything here is thread-safe.
struct Services {
  const Clock& clock;
  samples::SampleLog& log;
  versions::VersionStore& versions;
  updater::RolloutController& rollout;
  updater::UpdateServer& updates;
  Releaser& releaser;
  TrainerControl& trainer;
  Evaluations& evaluations;
  EventHub& events;
};

// One function per resource, each in the file of its name. `services` and `options` must outlive the table.
void AddSampleRoutes(RouteTable& table, const Services& services, const ApiOptions& options, IdempotencyMemory& memory);
void AddBulkRoutes(RouteTable& table, const Services& services, const ApiOptions& options, IdempotencyMemory& memory);
void AddQuarantineRoutes(RouteTable& table, const Services& services);
void AddSourceRoutes(RouteTable& table, const Services& services, IdempotencyMemory& memory);
void AddVersionRoutes(RouteTable& table, const Services& services);
void AddRolloutRoutes(RouteTable& table, const Services& services);
void AddNodeRoutes(RouteTable& table, const Services& services);
void AddFeedbackRoutes(RouteTable& table, const Services& services, const ApiOptions& options);
void AddTrainerRoutes(RouteTable& table, const Services& services);
void AddEvaluationRoutes(RouteTable& table, const Services& services);
void AddEventRoutes(RouteTable& table, const Services& services, const ApiOptions& options);
void AddStatusRoutes(RouteTable& table, const Services& services);
void AddMetricsRoutes(RouteTable& table, const Services& services);
void AddOpenApiRoutes(RouteTable& table);

// Pieces of JSON that several resources show.
std::string RolloutJson(const updater::RolloutState& state);
std::string TrainerJson(const TrainerView& view);

// The OpenAPI 3.1 document, built in from api/openapi.json.
std::string_view OpenApiDocument();

}  // namespace perennial::api
