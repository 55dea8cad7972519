#pragma once

#include <memory>
#include <string>

#include "api/auth.h"
#include "api/idempotency.h"
#include "api/route_table.h"
#include "api/services.h"
#include "serving/http/server.h"

namespace perennial::api {

// The hub's admin and ingest API on one HTTP server. Thread-safe after Start().
class ApiServer {
 public:
  // Binds and serves. Everything in `services` must outlive the server.
  static Result<std::unique_ptr<ApiServer>> Start(const http::ServerOptions& server, const AuthOptions& auth,
                                                  const ApiOptions& options, const Services& services);
  ~ApiServer();

  // "127.0.0.1:8080", with the port it got.
  std::string address() const { return server_->address(); }
  // New requests get 503, running ones finish, event streams end.
  void Drain();
  const RouteTable& routes() const { return table_; }

 private:
  ApiServer(Authenticator authenticator, const ApiOptions& options, const Services& services);

  const Authenticator authenticator_;
  const ApiOptions options_;
  const Services services_;
  IdempotencyMemory memory_;
  RouteTable table_;
  std::unique_ptr<http::Server> server_;
};

}  // namespace perennial::api
