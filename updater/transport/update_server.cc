#include "updater/update_server.h"

#include <zmq.h>

#include <algorithm>
#include <atomic>

#include "storage/base/bytes.h"
#include "storage/base/log.h"
#include "storage/base/queue.h"
#include "storage/base/thread.h"
#include "updater/transport/allow_list.h"
#include "updater/transport/bulk_service.h"
#include "updater/transport/feedback_desk.h"
#include "updater/transport/head_maker.h"
#include "updater/transport/node_registry.h"
#include "updater/transport/server_sockets.h"
#include "updater/transport/wake.h"

namespace perennial::updater {
namespace {

using namespace transport;

constexpr std::chrono::milliseconds kTick{100};
constexpr std::chrono::milliseconds kRetry{5};  // a node's queue was full
constexpr int kMessagesPerTurn = 128;
constexpr size_t kMaxCommands = 4096;

struct ForwardCommand {
  uint64_t id;
  std::string node;
  std::string request_id;
  std::string label;
};

// The thread and what it owns. Everything under "the thread's own" is touched by that thread alone once Run() began.
class Server final : public UpdateServer {
 public:
  Server(UpdateServerOptions options, const trust::HubKeyring& keys, const versions::VersionStore& store,
         RolloutController& rollout, const Clock& clock, std::unique_ptr<ZmqContext> context, ServerSockets sockets,
         std::unique_ptr<Wake> wake)
      : options_(std::move(options)),
        rollout_(rollout),
        clock_(clock),
        wake_(std::move(wake)),
        announce_endpoint_(sockets.announce_endpoint),
        bulk_endpoint_(sockets.bulk_endpoint),
        registry_(clock, 3 * options_.heartbeat, options_.max_nodes),
        context_(std::move(context)),
        sockets_(std::move(sockets)),
        allowed_(keys),
        heads_(store, keys.signer(), clock, options_.heartbeat, options_.head_lifetime),
        bulk_(store, sockets_.bulk, options_.max_inflight_bytes_per_peer) {}

  ~Server() override {
    stop_.store(true);
    feedback_.Close();
    wake_->Signal();
    thread_.Join();
  }

  void Begin() {
    thread_ = Thread("update-server", [this] { Run(); });
  }

  std::string announce_endpoint() const override { return announce_endpoint_; }
  std::string bulk_endpoint() const override { return bulk_endpoint_; }
  void Announce(const RolloutState&) override {
    // The thread reads the newest state itself: two callers in a race cannot make it announce the older one.
    announce_now_.store(true);
    wake_->Signal();
  }
  std::vector<NodeStatus> Nodes() const override { return registry_.Nodes(); }
  Status ForwardFeedback(const std::string& request_id, const std::string& label, Duration timeout) override;

 private:
  void Run();
  void Wait(std::chrono::milliseconds timeout);
  void Tick(SteadyTime now);
  void ReadSubscriptions();
  void ReadBulk();
  void ReadCommands();
  void Announce(SteadyTime now);
  void OnMessage(const std::string& node, const std::string& route, const Message& message);
  void OnReport(const std::string& node, const std::string& route, const Report& report);

  const UpdateServerOptions options_;
  RolloutController& rollout_;
  const Clock& clock_;
  const std::unique_ptr<Wake> wake_;
  const std::string announce_endpoint_;
  const std::string bulk_endpoint_;

  // Own synchronisation.
  std::atomic<bool> stop_{false};
  std::atomic<bool> announce_now_{true};
  NodeRegistry registry_;
  FeedbackDesk feedback_;
  BoundedQueue<ForwardCommand> commands_{kMaxCommands};

  // The thread's own. The context goes last: its end waits for the sockets.
  const std::unique_ptr<ZmqContext> context_;
  ServerSockets sockets_;
  AllowList allowed_;
  HeadMaker heads_;
  BulkService bulk_;
  std::string last_head_;
  RolloutState announced_;
  SteadyTime next_tick_{};
  SteadyTime next_heartbeat_{};
  bool head_failed_ = false;

  Thread thread_;
};

Status Server::ForwardFeedback(const std::string& request_id, const std::string& label, Duration timeout) {
  const size_t colon = request_id.find(':');
  if (colon == std::string::npos || colon == 0 || request_id.size() > kMaxTextBytes) {
    return InvalidArgument("request id names no node", "send the id as the edge answered it: NODE:...");
  }
  if (label.empty() || label.size() > kMaxLabelBytes) {
    return InvalidArgument("a label has 1 to " + std::to_string(kMaxLabelBytes) + " bytes");
  }
  const std::string node = request_id.substr(0, colon);
  if (!registry_.RouteOf(node).has_value()) {
    return NotFound("node " + node + " is not connected", "see `perennial nodes`");
  }
  const SteadyTime deadline = std::chrono::steady_clock::now() + timeout;
  PERENNIAL_ASSIGN_OR_RETURN(const uint64_t id, feedback_.Open());
  ForwardCommand command{id, node, request_id, label};
  if (!commands_.TryPush(command)) {
    feedback_.Settle(id, ResourceExhausted("too many labels wait to be forwarded", "send it again a little later"));
  }
  wake_->Signal();
  return feedback_.Await(id, deadline);
}

void Server::Run() {
  allowed_.Refresh(clock_.Now());
  std::chrono::milliseconds timeout{0};
  while (!stop_.load()) {
    Wait(timeout);
    const SteadyTime now = clock_.Now();
    sockets_.zap.Serve(allowed_, now);
    ReadSubscriptions();
    ReadBulk();
    ReadCommands();
    if (now >= next_tick_) Tick(now);
    if (announce_now_.exchange(false) || now >= next_heartbeat_) Announce(now);
    switch (bulk_.Pump()) {
      case BulkService::PumpResult::kIdle:
        timeout = kTick;
        break;
      case BulkService::PumpResult::kBlocked:
        timeout = kRetry;
        break;
      case BulkService::PumpResult::kMore:
        timeout = std::chrono::milliseconds(0);
        break;
    }
    const auto until_beat = std::chrono::ceil<std::chrono::milliseconds>(next_heartbeat_ - clock_.Now());
    timeout = std::clamp(until_beat, std::chrono::milliseconds(0), timeout);
  }
}

void Server::Wait(std::chrono::milliseconds timeout) {
  zmq_pollitem_t items[] = {{nullptr, wake_->fd(), ZMQ_POLLIN, 0},
                            {sockets_.zap.handle(), 0, ZMQ_POLLIN, 0},
                            {sockets_.announce.handle(), 0, ZMQ_POLLIN, 0},
                            {sockets_.bulk.handle(), 0, ZMQ_POLLIN, 0}};
  (void)zmq_poll(items, 4, static_cast<long>(timeout.count()));
  if ((items[0].revents & ZMQ_POLLIN) != 0) wake_->Clear();
}

void Server::Tick(SteadyTime now) {
  next_tick_ = now + kTick;
  allowed_.Refresh(now);
  for (const std::string& node : registry_.TakeSilent()) {
    bulk_.Forget(node);
    log::Warn("update.node_lost", {{"node", node}});
  }
  rollout_.Tick();
  // Also a change that nobody told us of goes out within a tick.
  if (rollout_.State() != announced_) announce_now_.store(true);
}

void Server::ReadSubscriptions() {
  // A newcomer gets the last HEAD; however many come at once, one HEAD a turn serves them all.
  for (int i = 0; i < kMessagesPerTurn; ++i) {
    const std::optional<ZmqMessage> message = sockets_.announce.Receive(1);
    if (!message.has_value()) return;
    if (message->frames.size() == 1 && !message->frames[0].empty() && message->frames[0][0] == 1) {
      announce_now_.store(true);
    }
  }
}

void Server::ReadBulk() {
  for (int i = 0; i < kMessagesPerTurn; ++i) {
    const std::optional<ZmqMessage> received = sockets_.bulk.Receive(2);
    if (!received.has_value()) return;
    if (received->frames.size() != 2) continue;
    const std::string& route = received->frames[0];
    const std::string& node = received->user_id;
    if (!allowed_.Contains(node)) {
      bulk_.Forget(node);
      registry_.Remove(node);
      bulk_.Reply(route,
                  ErrorReply{ErrorReply::About::kRequest, 0, {}, Code::kPermissionDenied, "this node was revoked"});
      continue;
    }
    Result<Message> message = DecodeMessage(received->frames[1]);
    if (!message.ok()) {
      bulk_.Reply(route,
                  ErrorReply{ErrorReply::About::kRequest, 0, {}, message.status().code(), message.status().message()});
      continue;
    }
    OnMessage(node, route, *message);
  }
}

void Server::ReadCommands() {
  for (std::optional<ForwardCommand> command; (command = commands_.TryPop()).has_value();) {
    const std::optional<std::string> route = registry_.RouteOf(command->node);
    const Message message = Feedback{command->id, command->request_id, command->label};
    if (!route.has_value() || sockets_.bulk.Send({*route, EncodeMessage(message)}) != SendOutcome::kSent) {
      feedback_.Settle(command->id, NotFound("node " + command->node + " is not connected", "see `perennial nodes`"));
    }
  }
}

void Server::Announce(SteadyTime now) {
  next_heartbeat_ = now + options_.heartbeat;
  announced_ = rollout_.State();
  Result<std::string> head = heads_.Make(announced_);
  if (!head.ok()) {
    if (!head_failed_) log::Error("update.no_head", {{"error", head.status().ToString()}});
    head_failed_ = true;
    return;
  }
  head_failed_ = false;
  last_head_ = std::move(*head);
  (void)sockets_.announce.Send({std::string(kHeadTopic), last_head_});
}

void Server::OnMessage(const std::string& node, const std::string& route, const Message& message) {
  if (const auto* get_chunks = std::get_if<GetChunks>(&message)) {
    bulk_.OnGetChunks(node, route, *get_chunks);
  } else if (const auto* get_manifest = std::get_if<GetManifest>(&message)) {
    bulk_.OnGetManifest(route, *get_manifest);
  } else if (const auto* report = std::get_if<Report>(&message)) {
    OnReport(node, route, *report);
  } else if (const auto* ack = std::get_if<FeedbackAck>(&message)) {
    feedback_.Settle(ack->id, ack->known ? Status::Ok()
                                         : NotFound("node " + node + " does not know that request id (any more)",
                                                    "labels must come while the node still remembers the request"));
  } else if (std::holds_alternative<Hello>(message)) {
    if (!last_head_.empty()) bulk_.Reply(route, State{last_head_});
  } else {
    bulk_.Reply(route,
                ErrorReply{ErrorReply::About::kRequest, 0, {}, Code::kInvalidArgument, "a hub takes no such message"});
  }
}

void Server::OnReport(const std::string& node, const std::string& route, const Report& report) {
  if (report.name != node) {
    log::Warn("update.report_refused", {{"node", node}, {"claims", PlainText(report.name, kMaxNameBytes)}});
    bulk_.Reply(route, ErrorReply{ErrorReply::About::kRequest,
                                  0,
                                  {},
                                  Code::kPermissionDenied,
                                  "this key belongs to node " + node + ": it may not report as another"});
    return;
  }
  if (const Status known = registry_.OnReport(route, report); !known.ok()) {
    bulk_.Reply(route, ErrorReply{ErrorReply::About::kRequest, 0, {}, known.code(), known.message()});
    return;
  }
  rollout_.OnEvidence(node, report.arms);
  if (report.refusal.has_value()) rollout_.OnRefused(node, report.refusal->version, report.refusal->reason);
}

}  // namespace

Status UpdateServerOptions::Validate() const {
  if (heartbeat < std::chrono::milliseconds(10) || heartbeat > std::chrono::seconds(60)) {
    return InvalidArgument("heartbeat must be 10 ms to 60 s");
  }
  if (head_lifetime < 3 * heartbeat) return InvalidArgument("head_lifetime must be at least three heartbeats");
  if (max_inflight_bytes_per_peer == 0) return InvalidArgument("max_inflight_bytes_per_peer must be positive");
  if (max_nodes == 0) return InvalidArgument("max_nodes must be positive");
  return Status::Ok();
}

Result<std::unique_ptr<UpdateServer>> UpdateServer::Start(UpdateServerOptions options, const trust::HubKeyring& keys,
                                                          versions::VersionStore& store, RolloutController& rollout,
                                                          const Clock& clock) {
  PERENNIAL_RETURN_IF_ERROR(options.Validate());
  PERENNIAL_ASSIGN_OR_RETURN(std::unique_ptr<ZmqContext> context, ZmqContext::Make());
  PERENNIAL_ASSIGN_OR_RETURN(ServerSockets sockets, ServerSockets::Bind(*context, options, keys.curve()));
  PERENNIAL_ASSIGN_OR_RETURN(std::unique_ptr<Wake> wake, Wake::Make());
  auto server = std::make_unique<Server>(std::move(options), keys, store, rollout, clock, std::move(context),
                                         std::move(sockets), std::move(wake));
  server->Begin();
  return std::unique_ptr<UpdateServer>(std::move(server));
}

}  // namespace perennial::updater
