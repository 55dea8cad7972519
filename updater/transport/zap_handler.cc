#include "updater/transport/zap_handler.h"

#include <zmq.h>

#include "storage/base/log.h"

namespace perennial::transport {
namespace {

constexpr int kPerCall = 64;
constexpr size_t kFrames = 7;  // version, request id, domain, address, routing id, mechanism, client key

}  // namespace

Result<ZapHandler> ZapHandler::Bind(ZmqContext& context) {
  PERENNIAL_ASSIGN_OR_RETURN(ZmqSocket socket, ZmqSocket::Open(context, ZMQ_REP));
  PERENNIAL_RETURN_IF_ERROR(socket.Bind("inproc://zeromq.zap.01"));
  return ZapHandler(std::move(socket));
}

void ZapHandler::Serve(AllowList& allowed, SteadyTime now) {
  for (int i = 0; i < kPerCall; ++i) {
    std::optional<ZmqMessage> request = socket_.Receive(kFrames);
    if (!request.has_value()) return;
    std::optional<std::string> name;
    std::string address;
    const std::vector<std::string>& frames = request->frames;
    if (frames.size() == kFrames && frames[0] == "1.0" && frames[2] == kZapDomain && frames[5] == "CURVE") {
      address = frames[3];
      name = allowed.NameOf(Z85FromKey(frames[6]), now);
    }
    const std::string id = frames.size() > 1 ? frames[1] : std::string();
    if (!name.has_value()) {
      ++refused_;
      log::Warn("update.connection_refused", {{"address", address}, {"reason", "its key is not on the allow-list"}});
    }
    (void)socket_.Send(name.has_value() ? std::vector<std::string>{"1.0", id, "200", "OK", *name, ""}
                                        : std::vector<std::string>{"1.0", id, "400", "key is not listed", "", ""});
  }
}

}  // namespace perennial::transport
