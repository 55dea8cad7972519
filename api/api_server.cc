#include "api/api_server.h"

namespace perennial::api {

Status ApiOptions::Validate() const {
  if (max_backlog < 1) return InvalidArgument("max_backlog must be at least 1");
  if (max_bulk_items < 1) return InvalidArgument("max_bulk_items must be at least 1");
  if (feedback_timeout_ms < 1) return InvalidArgument("feedback_timeout_ms must be at least 1");
  if (idempotency.max_keys < 1) return InvalidArgument("idempotency max_keys must be at least 1");
  return Status::Ok();
}

ApiServer::ApiServer(Authenticator authenticator, const ApiOptions& options, const Services& services)
    : authenticator_(std::move(authenticator)), options_(options), services_(services), memory_(options.idempotency) {
  AddSampleRoutes(table_, services_, options_, memory_);
  AddBulkRoutes(table_, services_, options_, memory_);
  AddQuarantineRoutes(table_, services_);
  AddSourceRoutes(table_, services_, memory_);
  AddVersionRoutes(table_, services_);
  AddRolloutRoutes(table_, services_);
  AddNodeRoutes(table_, services_);
  AddFeedbackRoutes(table_, services_, options_);
  AddTrainerRoutes(table_, services_);
  AddEvaluationRoutes(table_, services_);
  AddEventRoutes(table_, services_, options_);
  AddStatusRoutes(table_, services_);
  AddMetricsRoutes(table_, services_);
  AddOpenApiRoutes(table_);
}

Result<std::unique_ptr<ApiServer>> ApiServer::Start(const http::ServerOptions& server, const AuthOptions& auth,
                                                    const ApiOptions& options, const Services& services) {
  PERENNIAL_RETURN_IF_ERROR(options.Validate());
  PERENNIAL_ASSIGN_OR_RETURN(Authenticator authenticator, Authenticator::Open(auth));
  std::unique_ptr<ApiServer> api(new ApiServer(std::move(authenticator), options, services));
  PERENNIAL_ASSIGN_OR_RETURN(api->server_, http::Server::Make(server));
  api->server_->SetFilter([&checker = api->authenticator_](const http::Request& request, http::Response& response) {
    return checker.Refuse(request, response);
  });
  api->table_.Install(*api->server_);
  PERENNIAL_RETURN_IF_ERROR(api->server_->Listen());
  return api;
}

ApiServer::~ApiServer() {
  if (server_) Drain();
}

void ApiServer::Drain() {
  services_.events.Close();
  server_->Drain();
}

}  // namespace perennial::api
