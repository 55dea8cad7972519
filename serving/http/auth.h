#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "serving/http/server.h"
#include "storage/base/hash.h"
#include "storage/base/status.h"

namespace perennial::http {

struct AuthOptions {
  std::string token_file = {};                         // one bearer token a line, '#' starts a comment; empty: none
  bool open_loopback = false;                          // requests from this machine need no token
  std::vector<std::string> open_paths = {"/healthz"};  // anyone may ask these
  // kInvalidArgument when nobody could get in.
  Status Validate() const;
};

// Who may use a server: bearer tokens, compared in constant time, and (by an explicit flag) anyone on this machine. A
// browser page of another origin is not "on this machine". Immutable; thread-safe.
class Authenticator {
 public:
  static Result<Authenticator> Open(const AuthOptions& options);
  // Ok, or kPermissionDenied with what to do.
  Status Check(const Request& request) const;
  // Answers 401 and returns true when the request may not pass: the server's filter.
  bool Refuse(const Request& request, Response& response) const;
  // The same with the error in another form than problem JSON.
  bool Refuse(const Request& request, Response& response, const Server::ErrorWriter& write) const;

 private:
  bool TokenKnown(std::string_view token) const;
  std::vector<std::string> open_paths_;
  std::vector<Hash256> token_hashes_;  // the tokens themselves are not kept
  bool open_loopback_ = false;
};

// True for 127.0.0.0/8, ::1 and localhost, with or without a port.
bool IsLoopback(std::string_view host);

}  // namespace perennial::http
