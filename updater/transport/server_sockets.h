#pragma once

#include <string>

#include "updater/transport/zap_handler.h"
#include "updater/transport/zmq_socket.h"
#include "updater/trust/keyring.h"
#include "updater/update_server.h"

namespace perennial::transport {

// The hub's three sockets, bound and ready. Confined to the server's thread once it runs.
struct ServerSockets {
  ZapHandler zap;
  ZmqSocket announce;  // XPUB
  ZmqSocket bulk;      // ROUTER
  std::string announce_endpoint;
  std::string bulk_endpoint;

  // kAlreadyExists when a port is busy.
  static Result<ServerSockets> Bind(ZmqContext& context, const updater::UpdateServerOptions& options,
                                    const trust::CurveKeyPair& curve);
};

}  // namespace perennial::transport
