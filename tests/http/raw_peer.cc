#include "tests/http/raw_peer.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <stdexcept>

namespace perennial::http {

RawPeer::RawPeer(int port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  const timeval limit{10, 0};
  setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
}

RawPeer::~RawPeer() { ::close(fd_); }

bool RawPeer::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

void RawPeer::FinishSending() { ::shutdown(fd_, SHUT_WR); }

bool RawPeer::Fill() {
  std::array<char, 4096> buffer;
  const ssize_t got = ::recv(fd_, buffer.data(), buffer.size(), 0);
  if (got <= 0) return false;
  input_.append(buffer.data(), static_cast<size_t>(got));
  return true;
}

std::string RawPeer::ReadResponse() {
  size_t head_end = 0;
  while ((head_end = input_.find("\r\n\r\n")) == std::string::npos) {
    if (!Fill()) return {};
  }
  const size_t at = input_.find("Content-Length: ");
  const size_t length = at < head_end ? std::stoul(input_.substr(at + 16)) : 0;
  while (input_.size() < head_end + 4 + length) {
    if (!Fill()) return {};
  }
  std::string response = input_.substr(0, head_end + 4 + length);
  input_.erase(0, response.size());
  return response;
}

std::string RawPeer::ReadAll() {
  while (Fill()) {
  }
  return std::move(input_);
}

std::string RawPeer::ReadUntil(std::string_view text) {
  size_t found = 0;
  while ((found = input_.find(text)) == std::string::npos) {
    if (!Fill()) return std::move(input_);
  }
  std::string before = input_.substr(0, found + text.size());
  input_.erase(0, before.size());
  return before;
}

int StatusOf(const std::string& response) {
  return response.substr(0, 9) == "HTTP/1.1 " ? std::stoi(response.substr(9, 3)) : 0;
}

std::unique_ptr<Server> StartTestServer(ServerOptions options) {
  auto server = Server::Make(std::move(options));
  EXPECT_TRUE(server.ok()) << server.status().ToString();
  (*server)->Route("GET", "/hello", [](const Request&, Response& response) { response.body = "\"hello\""; });
  (*server)->Route("POST", "/echo", [](const Request& request, Response& response) {
    response.content_type = "application/octet-stream";
    response.body = request.body;
    for (const Request::Part& part : request.parts) response.body += part.name + "=" + part.content + ";";
  });
  (*server)->Route("GET", "/throw", [](const Request&, Response&) { throw std::runtime_error("secret detail"); });
  (*server)->Route("GET", "/items/{id}", [](const Request& request, Response& response) {
    response.body = request.params.at("id") + "|" + (request.query.contains("q") ? request.query.at("q") : "");
  });
  EXPECT_TRUE((*server)->Listen().ok());
  return std::move(*server);
}

}  // namespace perennial::http
