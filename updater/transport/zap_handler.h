#pragma once

#include "updater/transport/allow_list.h"
#include "updater/transport/zmq_socket.h"

namespace perennial::transport {

// Answers ZeroMQ's authentication questions (ZAP 1.0, rfc.zeromq.org/spec/27): a CURVE key on the allow-list gets its
// node's name as user id, every other key and mechanism is refused. Confined to the server's thread.
class ZapHandler {
 public:
  // Binds inproc://zeromq.zap.01. REQUIRES: before any CURVE server socket of `context` accepts.
  static Result<ZapHandler> Bind(ZmqContext& context);
  // Answers what is waiting, at most a bounded number a call (a flood of handshakes must not starve the loop).
  void Serve(AllowList& allowed, SteadyTime now);
  void* handle() const { return socket_.handle(); }
  uint64_t refused() const { return refused_; }

 private:
  explicit ZapHandler(ZmqSocket socket) : socket_(std::move(socket)) {}
  ZmqSocket socket_;
  uint64_t refused_ = 0;
};

// The ZAP domain of the hub's sockets.
inline constexpr const char* kZapDomain = "perennial";

}  // namespace perennial::transport
