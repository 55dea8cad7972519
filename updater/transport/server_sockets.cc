#include "updater/transport/server_sockets.h"

#include <zmq.h>

#include "updater/transport/wire.h"

namespace perennial::transport {
namespace {

constexpr int kBacklog = 1024;
constexpr int kAnnounceQueue = 16;  // HEADs a slow node may lag behind; older ones are worthless
constexpr int kBulkQueue = 256;     // messages per node; bytes are bounded by credit long before
constexpr int64_t kMaxSubscriptionBytes = 4096;

Status Harden(ZmqSocket& socket, const trust::CurveKeyPair& curve, int queue, int64_t max_message) {
  PERENNIAL_RETURN_IF_ERROR(socket.Set(ZMQ_CURVE_SERVER, 1));
  PERENNIAL_RETURN_IF_ERROR(socket.SetText(ZMQ_CURVE_SECRETKEY, curve.secret_z85));
  PERENNIAL_RETURN_IF_ERROR(socket.SetText(ZMQ_ZAP_DOMAIN, kZapDomain));
  PERENNIAL_RETURN_IF_ERROR(socket.Set(ZMQ_SNDHWM, queue));
  PERENNIAL_RETURN_IF_ERROR(socket.Set(ZMQ_RCVHWM, queue));
  PERENNIAL_RETURN_IF_ERROR(socket.SetLong(ZMQ_MAXMSGSIZE, max_message));
  PERENNIAL_RETURN_IF_ERROR(socket.Set(ZMQ_BACKLOG, kBacklog));
  PERENNIAL_RETURN_IF_ERROR(socket.Set(ZMQ_HANDSHAKE_IVL, 5000));
  // Half-open connections: ping every second, gone after five without an answer.
  PERENNIAL_RETURN_IF_ERROR(socket.Set(ZMQ_HEARTBEAT_IVL, 1000));
  return socket.Set(ZMQ_HEARTBEAT_TIMEOUT, 5000);
}

}  // namespace

Result<ServerSockets> ServerSockets::Bind(ZmqContext& context, const updater::UpdateServerOptions& options,
                                          const trust::CurveKeyPair& curve) {
  PERENNIAL_ASSIGN_OR_RETURN(ZapHandler zap, ZapHandler::Bind(context));

  PERENNIAL_ASSIGN_OR_RETURN(ZmqSocket announce, ZmqSocket::Open(context, ZMQ_XPUB));
  PERENNIAL_RETURN_IF_ERROR(Harden(announce, curve, kAnnounceQueue, kMaxSubscriptionBytes));
  // Every subscription is shown to us, also a second one for the same topic: the newcomer gets the last HEAD.
  PERENNIAL_RETURN_IF_ERROR(announce.Set(ZMQ_XPUB_VERBOSE, 1));
  PERENNIAL_RETURN_IF_ERROR(announce.Bind(options.announce_endpoint).WithContext("announce socket"));
  PERENNIAL_ASSIGN_OR_RETURN(std::string announce_endpoint, announce.BoundEndpoint());

  PERENNIAL_ASSIGN_OR_RETURN(ZmqSocket bulk, ZmqSocket::Open(context, ZMQ_ROUTER));
  PERENNIAL_RETURN_IF_ERROR(Harden(bulk, curve, kBulkQueue, static_cast<int64_t>(kMaxNodeMessageBytes)));
  PERENNIAL_RETURN_IF_ERROR(bulk.Set(ZMQ_ROUTER_MANDATORY, 1));
  PERENNIAL_RETURN_IF_ERROR(bulk.Bind(options.bulk_endpoint).WithContext("bulk socket"));
  PERENNIAL_ASSIGN_OR_RETURN(std::string bulk_endpoint, bulk.BoundEndpoint());

  return ServerSockets{std::move(zap), std::move(announce), std::move(bulk), std::move(announce_endpoint),
                       std::move(bulk_endpoint)};
}

}  // namespace perennial::transport
