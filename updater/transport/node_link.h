#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "storage/base/clock.h"
#include "storage/base/queue.h"
#include "storage/base/rng.h"
#include "storage/base/thread.h"
#include "updater/evidence.h"
#include "updater/subscriber.h"
#include "updater/transport/bulk_link.h"
#include "updater/transport/head_tracker.h"
#include "updater/transport/node_vitals.h"
#include "updater/transport/wake.h"
#include "updater/transport/zmq_socket.h"
#include "updater/trust/keyring.h"

namespace perennial::transport {

// The node's socket thread: a SUB for HEADs and a DEALER for all else, both under CURVE. It keeps the connection alive
// (a silent hub gets fresh sockets after a jittered, growing delay), tracks HEAD, reports, passes labels on, and is the
// loader's BulkLink. Thread-safe.
class NodeLink final : public BulkLink {
 public:
  struct Parts {
    updater::SubscriberOptions options;
    trust::NodeBundle bundle;
    std::string http_address;
    updater::Evidence* evidence = nullptr;      // may be null
    updater::FeedbackSink* feedback = nullptr;  // may be null
    HeadTracker::Fence fence;
  };
  static Result<std::unique_ptr<NodeLink>> Start(Parts parts, NodeVitals& vitals, const Clock& clock);
  ~NodeLink() override;

  // The newest accepted HEAD.
  std::optional<Head> Latest() const;
  // Reports now instead of at the next interval.
  void ReportNow();
  // From now on Next() gives kStop at once; for the loader's end.
  void StopWaiting();

  void Send(Message message) override;
  std::optional<LinkEvent> Next(SteadyTime deadline) override;
  void Reconnect() override;

 private:
  NodeLink(Parts parts, NodeVitals& vitals, const Clock& clock, std::unique_ptr<ZmqContext> context,
           std::unique_ptr<Wake> wake);
  // All of the rest runs on the thread.
  void Run();
  Status Open();
  Status OpenSockets();
  void Wait(std::chrono::milliseconds timeout);
  void ReadHeads();
  void ReadReplies();
  void OnHead(const std::string& signed_head);
  void OnReply(Message message);
  void Flush();
  void SayHello(SteadyTime now);
  void SendReport(SteadyTime now);
  void CheckSilence(SteadyTime now);
  void Push(LinkEvent event);

  const Parts parts_;
  NodeVitals& vitals_;
  const Clock& clock_;
  const std::unique_ptr<Wake> wake_;

  // Own synchronisation.
  std::atomic<bool> stop_{false};
  std::atomic<bool> report_now_{false};
  std::atomic<bool> reconnect_{false};
  BoundedQueue<Message> outbox_;
  BoundedQueue<LinkEvent> inbox_;
  mutable Mutex mutex_;
  std::optional<Head> latest_ GUARDED_BY(mutex_);

  // The thread's own. The context stands before its sockets: it goes after them.
  const std::unique_ptr<ZmqContext> context_;
  std::optional<ZmqSocket> heads_;
  std::optional<ZmqSocket> bulk_;
  HeadTracker tracker_;
  Rng jitter_;
  std::optional<Message> unsent_;  // taken from the outbox, the socket did not take it yet
  SteadyTime opened_{};
  SteadyTime last_heard_{};    // a HEAD was accepted, or the sockets were opened
  uint32_t silent_opens_ = 0;  // openings in a row without a HEAD
  Duration patience_{};        // silence after which the sockets are opened anew
  SteadyTime next_hello_{};
  SteadyTime next_report_{};
  bool greeted_ = false;  // a HEAD came since the sockets were opened

  std::optional<SteadyTime> trouble_at_;  // last_error is of then and about HEADs; good ones for a while clear it

  Thread thread_;
};

}  // namespace perennial::transport
