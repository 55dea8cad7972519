#pragma once

#include <optional>

#include "storage/base/clock.h"
#include "updater/subscriber.h"
#include "updater/transport/wire.h"

namespace perennial::transport {

// What the socket thread tells the loader.
struct LinkEvent {
  enum class Kind {
    kMessage,      // a manifest, a chunk or an error that was asked for
    kHeadChanged,  // there are new orders: ask for the latest HEAD
    kReported,     // a report of an outcome (`state`: COMMITTED or ROLLED_BACK) went out
    kStop,
  };
  Kind kind = Kind::kMessage;
  Message message;
  updater::NodeState state = updater::NodeState::kIdle;
};

// The loader's way to the hub; a plain seam so that fetching can be tested without sockets. Send never waits; what the
// hub does not get is asked for again. Thread-safe.
class BulkLink {
 public:
  virtual ~BulkLink() = default;
  virtual void Send(Message message) = 0;
  // The next event; nullopt at the deadline (of the machine's steady clock).
  virtual std::optional<LinkEvent> Next(SteadyTime deadline) = 0;
  // Fresh sockets: the hub did not answer.
  virtual void Reconnect() = 0;
};

}  // namespace perennial::transport
