#pragma once

#include <zmq.h>

#include <memory>
#include <optional>
#include <string>

#include "updater/transport/wire.h"
#include "updater/transport/zmq_socket.h"
#include "updater/trust/keyring.h"

namespace perennial::updater {

// A listed node's key in the hands of a program that does as it likes: a bare DEALER on the hub's bulk socket.
class RawPeer {
 public:
  RawPeer(const trust::NodeBundle& bundle, const std::string& endpoint)
      : context_(*transport::ZmqContext::Make()), socket_(*transport::ZmqSocket::Open(*context_, ZMQ_DEALER)) {
    (void)socket_.SetText(ZMQ_CURVE_SERVERKEY, bundle.hub_curve_public_z85);
    (void)socket_.SetText(ZMQ_CURVE_PUBLICKEY, bundle.curve.public_z85);
    (void)socket_.SetText(ZMQ_CURVE_SECRETKEY, bundle.curve.secret_z85);
    (void)socket_.Connect(endpoint);
  }
  bool Send(const std::string& bytes) { return socket_.Send({bytes}) == transport::SendOutcome::kSent; }
  bool Send(const transport::Message& message) { return Send(transport::EncodeMessage(message)); }
  // The next message, waiting at most `patience_ms`.
  std::optional<transport::Message> Receive(int patience_ms = 20'000) {
    zmq_pollitem_t item{socket_.handle(), 0, ZMQ_POLLIN, 0};
    if (zmq_poll(&item, 1, patience_ms) <= 0) return std::nullopt;
    const std::optional<transport::ZmqMessage> got = socket_.Receive();
    if (!got.has_value() || got->frames.size() != 1) return std::nullopt;
    Result<transport::Message> message = transport::DecodeMessage(got->frames[0]);
    if (!message.ok()) return std::nullopt;
    return *std::move(message);
  }

 private:
  std::unique_ptr<transport::ZmqContext> context_;
  transport::ZmqSocket socket_;
};

}  // namespace perennial::updater
