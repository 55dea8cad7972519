#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "storage/base/status.h"

namespace perennial::transport {

// A ZeroMQ context. Owned by whoever owns its sockets; they must be gone before it (its destructor waits for them).
// Thread-safe.
class ZmqContext {
 public:
  static Result<std::unique_ptr<ZmqContext>> Make();
  ~ZmqContext();
  ZmqContext(const ZmqContext&) = delete;
  ZmqContext& operator=(const ZmqContext&) = delete;
  void* handle() const { return context_; }

 private:
  explicit ZmqContext(void* context) : context_(context) {}
  void* context_;
};

// A multipart message as it came. `user_id` is the name that the ZAP handler gave the peer's key; empty without one.
struct ZmqMessage {
  std::vector<std::string> frames;
  std::string user_id;
};

enum class SendOutcome {
  kSent,
  kWouldBlock,   // the peer's queue is full, or no peer is there: nothing was queued
  kUnreachable,  // ROUTER: that peer is gone
  kFailed,
};

// One ZeroMQ socket, closed by its destructor. Never waits: receive and send return at once, waiting is zmq_poll's
// business. Confined to one thread at a time.
class ZmqSocket {
 public:
  // `type` is ZMQ_ROUTER and so on. LINGER is 0 from the start.
  static Result<ZmqSocket> Open(ZmqContext& context, int type);
  ZmqSocket(ZmqSocket&& other) noexcept;
  ZmqSocket& operator=(ZmqSocket&& other) noexcept;
  ~ZmqSocket() { Close(); }

  Status Set(int option, int value);
  Status SetLong(int option, int64_t value);
  Status SetText(int option, const std::string& value);
  // kAlreadyExists when the port is busy.
  Status Bind(const std::string& endpoint);
  Status Connect(const std::string& endpoint);
  // The endpoint with the port the system chose.
  Result<std::string> BoundEndpoint() const;

  SendOutcome Send(const std::vector<std::string>& frames);
  // nullopt when nothing is there. More than `max_frames` frames: the message is dropped and comes as one without
  // frames.
  std::optional<ZmqMessage> Receive(size_t max_frames = 8);
  void* handle() const { return socket_; }

 private:
  explicit ZmqSocket(void* socket) : socket_(socket) {}
  void Close();
  void* socket_;
};

// A CURVE public key of 32 raw bytes in Z85 text form; empty unless `raw` has 32 bytes.
std::string Z85FromKey(const std::string& raw);

}  // namespace perennial::transport
