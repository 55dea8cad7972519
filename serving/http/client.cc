#include "serving/http/client.h"

#include <httplib.h>

#include <algorithm>
#include <cctype>
#include <charconv>

namespace perennial::http {
namespace {

std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

struct HostPort {
  std::string host;
  int port = 80;
};

// "http://HOST[:PORT]"; an IPv6 host stands in brackets.
Result<HostPort> ParseBaseUrl(const std::string& base_url) {
  const Status bad =
      InvalidArgument("server address '" + base_url + "' is not http://HOST:PORT", "give it as http://127.0.0.1:8080");
  constexpr std::string_view kScheme = "http://";
  if (base_url.substr(0, kScheme.size()) != kScheme) return bad;
  std::string rest = base_url.substr(kScheme.size());
  HostPort out;
  const size_t colon = rest.rfind(':');
  if (colon != std::string::npos && rest.find(']', colon) == std::string::npos) {
    const std::string digits = rest.substr(colon + 1);
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), out.port);
    if (parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size() || out.port < 1 || out.port > 65535)
      return bad;
    rest.resize(colon);
  }
  if (rest.size() > 2 && rest.front() == '[' && rest.back() == ']') rest = rest.substr(1, rest.size() - 2);
  if (rest.empty() || rest.find('/') != std::string::npos) return bad;
  out.host = rest;
  return out;
}

class ClientImpl final : public Client {
 public:
  ClientImpl(const ClientOptions& options, const HostPort& peer) : options_(options), http_(peer.host, peer.port) {
    http_.set_tcp_nodelay(true);
    http_.set_keep_alive(true);
    http_.set_follow_location(false);
    http_.set_decompress(false);
    http_.set_connection_timeout(options.timeout);
    http_.set_read_timeout(options.timeout);
    http_.set_write_timeout(options.timeout);
    if (!options.token.empty()) http_.set_bearer_token_auth(options.token);
  }

  Result<ClientResponse> Get(const std::string& path, const Headers& headers) override {
    httplib::Request request;
    request.method = "GET";
    return Send(path, std::move(request), headers);
  }
  Result<ClientResponse> Post(const std::string& path, std::string_view body, const std::string& content_type,
                              const Headers& headers) override {
    return Send(path, WithBody("POST", body, content_type), headers);
  }
  Result<ClientResponse> Delete(const std::string& path) override {
    httplib::Request request;
    request.method = "DELETE";
    return Send(path, std::move(request), {});
  }
  Result<ClientResponse> Patch(const std::string& path, std::string_view body,
                               const std::string& content_type) override {
    return Send(path, WithBody("PATCH", body, content_type), {});
  }

  Status Stream(const std::string& path, const std::function<bool(std::string_view)>& on_data) override {
    int http_status = 0;
    bool stopped = false;
    const auto result = http_.Get(
        path, httplib::Headers(),
        [&](const httplib::Response& response) {
          http_status = response.status;
          return response.status == 200;
        },
        [&](const char* data, size_t length) {
          stopped = !on_data(std::string_view(data, length));
          return !stopped;
        });
    if (stopped) return Status::Ok();
    if (http_status != 0 && http_status != 200) {
      return Unavailable("GET " + options_.base_url + path + ": HTTP " + std::to_string(http_status));
    }
    return result ? Status::Ok() : ToStatus(result.error(), "GET", path, SteadyTime::max());
  }

 private:
  static httplib::Request WithBody(const char* method, std::string_view body, const std::string& content_type) {
    httplib::Request request;
    request.method = method;
    request.body = body;
    request.headers.emplace("Content-Type", content_type);
    return request;
  }

  Result<ClientResponse> Send(const std::string& path, httplib::Request request, const Headers& headers) {
    const SteadyTime deadline = std::chrono::steady_clock::now() + options_.timeout;
    for (const auto& [name, value] : headers) request.headers.emplace(name, value);
    request.path = path;
    ClientResponse out;
    const std::string method = request.method;
    // httplib's timeouts are per read; a peer that trickles is caught here.
    request.content_receiver = [&](const char* data, size_t length, uint64_t, uint64_t) {
      out.body.append(data, length);
      return std::chrono::steady_clock::now() < deadline;
    };
    const auto result = http_.send(request);
    if (!result) return ToStatus(result.error(), method, path, deadline);
    out.status = result->status;
    for (const auto& [name, value] : result->headers) out.headers.emplace_back(Lower(name), value);
    return out;
  }

  Status ToStatus(httplib::Error error, const std::string& method, const std::string& path, SteadyTime deadline) const {
    const std::string what = method + " " + options_.base_url + path + ": " + httplib::to_string(error);
    const bool late = std::chrono::steady_clock::now() >= deadline;
    if (late || error == httplib::Error::ConnectionTimeout) return DeadlineExceeded(what);
    return Unavailable(what, "is the server running at that address?");
  }

  const ClientOptions options_;
  httplib::Client http_;
};

}  // namespace

std::string_view ClientResponse::Header(std::string_view lower_case_name) const {
  for (const auto& [name, value] : headers) {
    if (name == lower_case_name) return value;
  }
  return {};
}

Result<std::unique_ptr<Client>> Client::Make(ClientOptions options) {
  while (!options.base_url.empty() && options.base_url.back() == '/') options.base_url.pop_back();
  PERENNIAL_ASSIGN_OR_RETURN(const HostPort peer, ParseBaseUrl(options.base_url));
  if (options.timeout <= Duration::zero()) return InvalidArgument("client timeout must be positive");
  return std::unique_ptr<Client>(std::make_unique<ClientImpl>(options, peer));
}

}  // namespace perennial::http
