#include "serving/http/auth.h"

#include <sys/stat.h>

#include <algorithm>

#include "storage/base/env.h"
#include "storage/base/log.h"

namespace perennial::http {
namespace {

bool AnnouncesBody(const Request& request) {
  const std::string_view length = request.Header("content-length");
  return !request.Header("transfer-encoding").empty() || (!length.empty() && length != "0");
}

constexpr size_t kMinTokenBytes = 16;
constexpr uint64_t kMaxTokenFileBytes = 1u << 20;

std::string_view Trim(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

// "http://localhost:3000" -> "localhost:3000".
std::string_view HostOfOrigin(std::string_view origin) {
  const auto scheme = origin.find("://");
  return scheme == std::string_view::npos ? std::string_view() : origin.substr(scheme + 3);
}

void WarnWhenReadableByOthers(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0 && (info.st_mode & (S_IRGRP | S_IROTH)) != 0) {
    log::Warn("token_file_readable_by_others", {{"path", path}, {"hint", "chmod 600 keeps it to yourself"}});
  }
}

}  // namespace

bool IsLoopback(std::string_view host) {
  if (host.starts_with('[')) {
    host = host.substr(1, host.find(']') == std::string_view::npos ? 0 : host.find(']') - 1);
  } else if (std::count(host.begin(), host.end(), ':') == 1) {
    host = host.substr(0, host.find(':'));
  }
  if (host == "localhost" || host == "::1") return true;
  if (host.starts_with("::ffff:")) host.remove_prefix(7);
  // Only a dotted quad counts: "127.evil.example" is a name.
  return host.starts_with("127.") && std::count(host.begin(), host.end(), '.') == 3 &&
         host.find_first_not_of("0123456789.") == std::string_view::npos;
}

Status AuthOptions::Validate() const {
  if (token_file.empty() && !open_loopback) {
    return InvalidArgument("nobody could get in: neither a token file nor open loopback is set",
                           "give --token-file FILE, or --open-loopback on a machine of your own");
  }
  return Status::Ok();
}

Result<Authenticator> Authenticator::Open(const AuthOptions& options) {
  PERENNIAL_RETURN_IF_ERROR(options.Validate());
  Authenticator authenticator;
  authenticator.open_loopback_ = options.open_loopback;
  authenticator.open_paths_ = options.open_paths;
  if (options.token_file.empty()) return authenticator;
  auto text = Env::Posix().ReadFile(options.token_file, kMaxTokenFileBytes);
  if (!text.ok()) return text.status().WithContext("token file");
  WarnWhenReadableByOthers(options.token_file);
  std::string_view rest = *text;
  for (size_t line = 1; !rest.empty(); ++line) {
    const auto end = rest.find('\n');
    const std::string_view token = Trim(rest.substr(0, end));
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    if (token.empty() || token.starts_with('#')) continue;
    if (token.size() < kMinTokenBytes) {
      return InvalidArgument("token file " + options.token_file + " line " + std::to_string(line) +
                                 ": a token needs at least 16 characters",
                             "openssl rand -hex 32 makes a good one");
    }
    authenticator.token_hashes_.push_back(Sha256(token));
  }
  if (authenticator.token_hashes_.empty()) {
    return InvalidArgument("token file " + options.token_file + " holds no token",
                           "openssl rand -hex 32 makes a good one");
  }
  return authenticator;
}

bool Authenticator::TokenKnown(std::string_view token) const {
  // Hashes of equal length, every byte of every one compared: the time says nothing about how near a guess was.
  const Hash256 hash = Sha256(token);
  unsigned known = 0;
  for (const Hash256& candidate : token_hashes_) {
    unsigned difference = 0;
    for (size_t i = 0; i < hash.bytes.size(); ++i) {
      difference |= static_cast<unsigned>(hash.bytes[i] ^ candidate.bytes[i]);
    }
    known |= static_cast<unsigned>(difference == 0);
  }
  return known != 0;
}

Status Authenticator::Check(const Request& request) const {
  // An open path is open for a question, not for a body that would have to be kept meanwhile.
  const bool open = std::find(open_paths_.begin(), open_paths_.end(), request.path) != open_paths_.end();
  if (open && !AnnouncesBody(request)) return Status::Ok();
  const std::string_view authorization = request.Header("authorization");
  if (!authorization.empty()) {
    constexpr std::string_view kScheme = "bearer ";
    const bool bearer = authorization.size() > kScheme.size() &&
                        std::equal(kScheme.begin(), kScheme.end(), authorization.begin(),
                                   [](char expected, char c) { return expected == (c | 0x20); });
    if (bearer && TokenKnown(Trim(authorization.substr(kScheme.size())))) return Status::Ok();
    return PermissionDenied("the token is not one of this server's", "use a line of the file given with --token-file");
  }
  if (!open_loopback_ || !IsLoopback(request.remote_address)) {
    return PermissionDenied("no token", "send the header 'Authorization: Bearer TOKEN'");
  }
  // A web page anywhere can make a browser on this machine send requests here; those carry its origin, or a foreign
  // host name.
  const std::string_view origin = request.Header("origin");
  const std::string_view host = request.Header("host");
  if ((!origin.empty() && !IsLoopback(HostOfOrigin(origin))) || (!host.empty() && !IsLoopback(host))) {
    return PermissionDenied("a request from another origin needs a token",
                            "send the header 'Authorization: Bearer TOKEN'");
  }
  return Status::Ok();
}

bool Authenticator::Refuse(const Request& request, Response& response) const {
  return Refuse(request, response,
                [](const Request&, Response& out, const Status& why) { WriteProblem(out, out.status, why); });
}

bool Authenticator::Refuse(const Request& request, Response& response, const Server::ErrorWriter& write) const {
  const Status allowed = Check(request);
  if (allowed.ok()) return false;
  response.status = 401;
  response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"perennial\"");
  write(request, response, allowed);
  return true;
}

}  // namespace perennial::http
