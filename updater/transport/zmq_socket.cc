#include "updater/transport/zmq_socket.h"

#include <zmq.h>

#include <cerrno>
#include <utility>

namespace perennial::transport {
namespace {

Status FromZmq(const std::string& what) {
  const int error = zmq_errno();
  const std::string message = what + ": " + zmq_strerror(error);
  switch (error) {
    case EADDRINUSE:
      return {Code::kAlreadyExists, message, "choose another port or stop the other hub"};
    case EADDRNOTAVAIL:
    case ENODEV:
      return InvalidArgument(message, "the address must belong to this machine");
    case EACCES:
      return PermissionDenied(message, "ports under 1024 need privileges");
    case EINVAL:
    case EPROTONOSUPPORT:
    case ENOCOMPATPROTO:
      return InvalidArgument(message, "an endpoint looks like tcp://127.0.0.1:7001");
    case EMFILE:
      return ResourceExhausted(message, "raise the limit of open files");
    default:
      return IoError(message);
  }
}

}  // namespace

Result<std::unique_ptr<ZmqContext>> ZmqContext::Make() {
  void* context = zmq_ctx_new();
  if (context == nullptr) return FromZmq("make a ZeroMQ context");
  return std::unique_ptr<ZmqContext>(new ZmqContext(context));
}

ZmqContext::~ZmqContext() {
  while (zmq_ctx_term(context_) != 0 && zmq_errno() == EINTR) {
  }
}

Result<ZmqSocket> ZmqSocket::Open(ZmqContext& context, int type) {
  void* handle = zmq_socket(context.handle(), type);
  if (handle == nullptr) return FromZmq("open a ZeroMQ socket");
  ZmqSocket socket(handle);
  PERENNIAL_RETURN_IF_ERROR(socket.Set(ZMQ_LINGER, 0));
  return socket;
}

ZmqSocket::ZmqSocket(ZmqSocket&& other) noexcept : socket_(std::exchange(other.socket_, nullptr)) {}

ZmqSocket& ZmqSocket::operator=(ZmqSocket&& other) noexcept {
  if (this != &other) {
    Close();
    socket_ = std::exchange(other.socket_, nullptr);
  }
  return *this;
}

void ZmqSocket::Close() {
  if (socket_ != nullptr) (void)zmq_close(socket_);
  socket_ = nullptr;
}

Status ZmqSocket::Set(int option, int value) {
  if (zmq_setsockopt(socket_, option, &value, sizeof value) != 0) return FromZmq("set a ZeroMQ option");
  return Status::Ok();
}

Status ZmqSocket::SetLong(int option, int64_t value) {
  if (zmq_setsockopt(socket_, option, &value, sizeof value) != 0) return FromZmq("set a ZeroMQ option");
  return Status::Ok();
}

Status ZmqSocket::SetText(int option, const std::string& value) {
  if (zmq_setsockopt(socket_, option, value.data(), value.size()) != 0) return FromZmq("set a ZeroMQ option");
  return Status::Ok();
}

Status ZmqSocket::Bind(const std::string& endpoint) {
  if (zmq_bind(socket_, endpoint.c_str()) != 0) return FromZmq("bind " + endpoint);
  return Status::Ok();
}

Status ZmqSocket::Connect(const std::string& endpoint) {
  if (zmq_connect(socket_, endpoint.c_str()) != 0) return FromZmq("connect to " + endpoint);
  return Status::Ok();
}

Result<std::string> ZmqSocket::BoundEndpoint() const {
  char text[256];
  size_t size = sizeof text;
  if (zmq_getsockopt(socket_, ZMQ_LAST_ENDPOINT, text, &size) != 0) return FromZmq("read the bound endpoint");
  return std::string(text);
}

SendOutcome ZmqSocket::Send(const std::vector<std::string>& frames) {
  for (size_t i = 0; i < frames.size(); ++i) {
    const int more = i + 1 < frames.size() ? ZMQ_SNDMORE : 0;
    int sent;
    do {
      sent = zmq_send(socket_, frames[i].data(), frames[i].size(), ZMQ_DONTWAIT | more);
    } while (sent < 0 && zmq_errno() == EINTR);
    if (sent >= 0) continue;
    if (zmq_errno() == EAGAIN) return SendOutcome::kWouldBlock;
    return zmq_errno() == EHOSTUNREACH ? SendOutcome::kUnreachable : SendOutcome::kFailed;
  }
  return SendOutcome::kSent;
}

std::optional<ZmqMessage> ZmqSocket::Receive(size_t max_frames) {
  ZmqMessage message;
  size_t count = 0;
  for (bool more = true; more; ++count) {
    zmq_msg_t part;
    (void)zmq_msg_init(&part);
    int got;
    do {
      got = zmq_msg_recv(&part, socket_, ZMQ_DONTWAIT);
    } while (got < 0 && zmq_errno() == EINTR);
    if (got < 0) {
      (void)zmq_msg_close(&part);
      return std::nullopt;
    }
    if (count < max_frames) {
      message.frames.emplace_back(static_cast<const char*>(zmq_msg_data(&part)), zmq_msg_size(&part));
    }
    if (const char* user = zmq_msg_gets(&part, "User-Id"); user != nullptr) message.user_id = user;
    more = zmq_msg_more(&part) != 0;
    (void)zmq_msg_close(&part);
  }
  if (count > max_frames) message.frames.clear();
  return message;
}

std::string Z85FromKey(const std::string& raw) {
  char text[41] = {};
  if (raw.size() != 32) return {};
  if (zmq_z85_encode(text, reinterpret_cast<const uint8_t*>(raw.data()), raw.size()) == nullptr) return {};
  return text;
}

}  // namespace perennial::transport
