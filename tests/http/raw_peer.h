#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "serving/http/server.h"

namespace perennial::http {

// A client that says exactly the bytes it is told, over a real socket; every wait ends after ten seconds.
// Thread-compatible.
class RawPeer {
 public:
  explicit RawPeer(int port);
  ~RawPeer();
  RawPeer(const RawPeer&) = delete;
  RawPeer& operator=(const RawPeer&) = delete;

  // False when the server closed or reset meanwhile.
  bool Send(std::string_view bytes);
  void FinishSending();
  // One response: head and a body of Content-Length bytes. Empty when the server closed or said nothing in time.
  std::string ReadResponse();
  // Until the server closes.
  std::string ReadAll();
  // Until `text` has arrived (returned with all before it) or the end.
  std::string ReadUntil(std::string_view text);

 private:
  bool Fill();
  int fd_;
  std::string input_;
};

// "HTTP/1.1 404 Not Found..." -> 404; 0 when it is no response.
int StatusOf(const std::string& response);

// A server on a free port of the loopback with routes that tests use: GET /hello, POST /echo (the body's bytes), GET
// /throw, GET /items/{id}.
std::unique_ptr<Server> StartTestServer(ServerOptions options = {});

}  // namespace perennial::http
