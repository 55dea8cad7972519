#include "updater/transport/node_link.h"

#include <zmq.h>

#include <algorithm>

#include "storage/base/log.h"
#include "updater/transport/head_maker.h"

namespace perennial::transport {
namespace {

constexpr size_t kOutbox = 64;
constexpr size_t kInbox = 512;  // above what the fetcher ever has outstanding
constexpr std::chrono::milliseconds kRetry{20};
constexpr std::chrono::milliseconds kShortestPatience{1500};
constexpr std::chrono::milliseconds kLongestBackoff{10'000};
constexpr int kMessagesPerTurn = 64;

bool IsFor(const Message& message, std::string_view node) {
  const auto* feedback = std::get_if<Feedback>(&message);
  return feedback != nullptr && feedback->request_id.starts_with(std::string(node) + ":");
}

}  // namespace

NodeLink::NodeLink(Parts parts, NodeVitals& vitals, const Clock& clock, std::unique_ptr<ZmqContext> context,
                   std::unique_ptr<Wake> wake)
    : parts_(std::move(parts)),
      vitals_(vitals),
      clock_(clock),
      wake_(std::move(wake)),
      outbox_(kOutbox),
      inbox_(kInbox),
      context_(std::move(context)),
      tracker_(parts_.options.model_id, trust::Verifier({parts_.bundle.release_key}, 1), parts_.fence, clock.Now()),
      jitter_(static_cast<uint64_t>(clock.WallMicros()), std::hash<std::string>{}(parts_.bundle.name)) {}

Result<std::unique_ptr<NodeLink>> NodeLink::Start(Parts parts, NodeVitals& vitals, const Clock& clock) {
  PERENNIAL_ASSIGN_OR_RETURN(std::unique_ptr<ZmqContext> context, ZmqContext::Make());
  PERENNIAL_ASSIGN_OR_RETURN(std::unique_ptr<Wake> wake, Wake::Make());
  std::unique_ptr<NodeLink> link(new NodeLink(std::move(parts), vitals, clock, std::move(context), std::move(wake)));
  // The first opening is here, so that a malformed endpoint or key is an error of Start().
  PERENNIAL_RETURN_IF_ERROR(link->Open());
  link->thread_ = Thread("update-link", [raw = link.get()] { raw->Run(); });
  return link;
}

NodeLink::~NodeLink() {
  stop_.store(true);
  wake_->Signal();
  thread_.Join();
}

std::optional<Head> NodeLink::Latest() const {
  MutexLock lock(mutex_);
  return latest_;
}

void NodeLink::ReportNow() {
  report_now_.store(true);
  wake_->Signal();
}

void NodeLink::StopWaiting() { inbox_.Close(); }

void NodeLink::Send(Message message) {
  (void)outbox_.TryPush(message);
  wake_->Signal();
}

std::optional<LinkEvent> NodeLink::Next(SteadyTime deadline) {
  std::optional<LinkEvent> event = inbox_.Pop(deadline);
  if (!event.has_value() && inbox_.closed()) return LinkEvent{LinkEvent::Kind::kStop, {}, {}};
  return event;
}

void NodeLink::Reconnect() {
  reconnect_.store(true);
  wake_->Signal();
}

void NodeLink::Push(LinkEvent event) {
  // A full inbox means that the loader is far behind; what is lost is asked for again or seen in Latest().
  (void)inbox_.TryPush(event);
}

Status NodeLink::Open() {
  const SteadyTime now = clock_.Now();
  opened_ = last_heard_ = now;
  next_hello_ = now;
  greeted_ = false;
  unsent_.reset();
  const Duration backoff =
      std::min<Duration>(std::chrono::milliseconds(500) * (1u << std::min(silent_opens_, 6u)), kLongestBackoff);
  ++silent_opens_;
  patience_ = std::max<Duration>(kShortestPatience, 4 * tracker_.Heartbeat()) +
              std::chrono::duration_cast<Duration>(backoff * jitter_.Uniform(0.5, 1.0));
  return OpenSockets();
}

Status NodeLink::OpenSockets() {
  const auto harden = [this](ZmqSocket& socket, int queue, int64_t max_message) -> Status {
    PERENNIAL_RETURN_IF_ERROR(socket.SetText(ZMQ_CURVE_SERVERKEY, parts_.bundle.hub_curve_public_z85));
    PERENNIAL_RETURN_IF_ERROR(socket.SetText(ZMQ_CURVE_PUBLICKEY, parts_.bundle.curve.public_z85));
    PERENNIAL_RETURN_IF_ERROR(socket.SetText(ZMQ_CURVE_SECRETKEY, parts_.bundle.curve.secret_z85));
    PERENNIAL_RETURN_IF_ERROR(socket.Set(ZMQ_SNDHWM, queue));
    PERENNIAL_RETURN_IF_ERROR(socket.Set(ZMQ_RCVHWM, queue));
    PERENNIAL_RETURN_IF_ERROR(socket.SetLong(ZMQ_MAXMSGSIZE, max_message));
    PERENNIAL_RETURN_IF_ERROR(socket.Set(ZMQ_RECONNECT_IVL, 100));
    PERENNIAL_RETURN_IF_ERROR(socket.Set(ZMQ_RECONNECT_IVL_MAX, 2000));
    PERENNIAL_RETURN_IF_ERROR(socket.Set(ZMQ_HEARTBEAT_IVL, 1000));
    PERENNIAL_RETURN_IF_ERROR(socket.Set(ZMQ_HEARTBEAT_TIMEOUT, 5000));
    // Nothing is queued for a hub that is not there: what is sent later would be out of date.
    return socket.Set(ZMQ_IMMEDIATE, 1);
  };
  heads_.reset();
  bulk_.reset();
  PERENNIAL_ASSIGN_OR_RETURN(ZmqSocket heads, ZmqSocket::Open(*context_, ZMQ_SUB));
  PERENNIAL_RETURN_IF_ERROR(harden(heads, 16, 4096));
  PERENNIAL_RETURN_IF_ERROR(heads.SetText(ZMQ_SUBSCRIBE, std::string(kHeadTopic)));
  PERENNIAL_RETURN_IF_ERROR(heads.Connect(parts_.options.announce_endpoint));
  PERENNIAL_ASSIGN_OR_RETURN(ZmqSocket bulk, ZmqSocket::Open(*context_, ZMQ_DEALER));
  PERENNIAL_RETURN_IF_ERROR(harden(bulk, 256, static_cast<int64_t>(kMaxHubMessageBytes)));
  PERENNIAL_RETURN_IF_ERROR(bulk.Connect(parts_.options.bulk_endpoint));
  heads_.emplace(std::move(heads));
  bulk_.emplace(std::move(bulk));
  return Status::Ok();
}

void NodeLink::Run() {
  while (!stop_.load()) {
    const SteadyTime now = clock_.Now();
    Duration wait = next_report_ - now;
    if (!greeted_) wait = std::min(wait, next_hello_ - now);
    if (unsent_.has_value()) wait = std::min<Duration>(wait, kRetry);
    Wait(std::clamp(std::chrono::ceil<std::chrono::milliseconds>(wait), std::chrono::milliseconds(0),
                    std::chrono::milliseconds(200)));
    ReadHeads();
    ReadReplies();
    Flush();
    const SteadyTime then = clock_.Now();
    SayHello(then);
    SendReport(then);
    CheckSilence(then);
  }
}

void NodeLink::Wait(std::chrono::milliseconds timeout) {
  zmq_pollitem_t items[] = {{nullptr, wake_->fd(), ZMQ_POLLIN, 0},
                            {heads_.has_value() ? heads_->handle() : nullptr, 0, ZMQ_POLLIN, 0},
                            {bulk_.has_value() ? bulk_->handle() : nullptr, 0, ZMQ_POLLIN, 0}};
  const int count = heads_.has_value() && bulk_.has_value() ? 3 : 1;
  (void)zmq_poll(items, count, static_cast<long>(timeout.count()));
  if ((items[0].revents & ZMQ_POLLIN) != 0) wake_->Clear();
}

void NodeLink::ReadHeads() {
  for (int i = 0; heads_.has_value() && i < kMessagesPerTurn; ++i) {
    const std::optional<ZmqMessage> message = heads_->Receive(2);
    if (!message.has_value()) return;
    if (message->frames.size() == 2) OnHead(message->frames[1]);
  }
}

void NodeLink::OnHead(const std::string& signed_head) {
  const SteadyTime now = clock_.Now();
  const Result<HeadTracker::News> news = tracker_.Accept(signed_head, clock_.WallMicros(), now);
  if (!news.ok()) {
    trouble_at_ = now;
    if (vitals_.SetError(news.status().ToString())) {
      log::Warn("update.head_refused", {{"error", news.status().ToString()}});
    }
    return;
  }
  if (*news == HeadTracker::News::kNothing) return;
  last_heard_ = now;
  greeted_ = true;
  if (trouble_at_.has_value() && now - *trouble_at_ > 3 * tracker_.Heartbeat()) {
    vitals_.SetError({});
    trouble_at_.reset();
  }
  silent_opens_ = 0;
  {
    MutexLock lock(mutex_);
    latest_ = tracker_.head();
  }
  if (*news == HeadTracker::News::kChanged) Push({LinkEvent::Kind::kHeadChanged, {}, {}});
}

void NodeLink::ReadReplies() {
  for (int i = 0; bulk_.has_value() && i < kMessagesPerTurn; ++i) {
    const std::optional<ZmqMessage> received = bulk_->Receive(1);
    if (!received.has_value()) return;
    if (received->frames.size() != 1) continue;
    Result<Message> message = DecodeMessage(received->frames[0]);
    if (!message.ok()) {
      if (vitals_.SetError(message.status().ToString())) {
        log::Warn("update.bad_message", {{"error", message.status().ToString()}});
      }
      continue;
    }
    OnReply(std::move(*message));
  }
}

void NodeLink::OnReply(Message message) {
  if (const auto* state = std::get_if<State>(&message)) {
    OnHead(state->signed_head);
  } else if (const auto* feedback = std::get_if<Feedback>(&message)) {
    const bool known = parts_.feedback != nullptr && IsFor(message, parts_.bundle.name) &&
                       parts_.feedback->Feedback(feedback->request_id, feedback->label);
    (void)bulk_->Send({EncodeMessage(FeedbackAck{feedback->id, known})});
  } else if (const auto* error = std::get_if<ErrorReply>(&message);
             error != nullptr && error->about == ErrorReply::About::kRequest) {
    const Status refused(error->code, "the hub answered: " + error->message);
    if (vitals_.SetError(refused.ToString())) log::Warn("update.hub_refuses", {{"error", refused.ToString()}});
  } else {
    Push({LinkEvent::Kind::kMessage, std::move(message), {}});
  }
}

void NodeLink::Flush() {
  while (bulk_.has_value()) {
    if (!unsent_.has_value()) unsent_ = outbox_.TryPop();
    if (!unsent_.has_value()) return;
    if (bulk_->Send({EncodeMessage(*unsent_)}) == SendOutcome::kWouldBlock) return;
    unsent_.reset();
  }
}

void NodeLink::SayHello(SteadyTime now) {
  // The subscription went out when the socket was opened: subscribe first, then ask for the state.
  if (greeted_ || now < next_hello_ || !bulk_.has_value()) return;
  const SendOutcome sent = bulk_->Send({EncodeMessage(Hello{parts_.bundle.name, parts_.options.model_id})});
  next_hello_ = now + (sent == SendOutcome::kSent ? tracker_.Heartbeat() : Duration(kRetry));
}

void NodeLink::SendReport(SteadyTime now) {
  const bool asked = report_now_.exchange(false);
  if ((!asked && now < next_report_) || !bulk_.has_value()) return;
  next_report_ = now + parts_.options.report_interval;
  const updater::SubscriberStatus status = vitals_.Status();
  Report report;
  report.name = parts_.bundle.name;
  report.state = updater::NodeStateName(status.state);
  report.stable = status.stable;
  report.candidate = status.candidate;
  report.swaps = status.swaps;
  report.bytes_downloaded = status.bytes_downloaded;
  report.last_error = status.last_error;
  report.http_address = parts_.http_address;
  report.refusal = vitals_.refusal();
  if (parts_.evidence != nullptr) report.arms = parts_.evidence->Counts();
  if (const std::optional<updater::ArmCounts> last = vitals_.final_counts()) {
    const bool there = std::any_of(report.arms.begin(), report.arms.end(),
                                   [&last](const updater::ArmCounts& arm) { return arm.version == last->version; });
    if (!there) report.arms.push_back(*last);
  }
  if (bulk_->Send({EncodeMessage(report)}) == SendOutcome::kSent) {
    const bool outcome =
        status.state == updater::NodeState::kCommitted || status.state == updater::NodeState::kRolledBack;
    if (outcome) Push({LinkEvent::Kind::kReported, {}, status.state});
  } else if (asked) {
    next_report_ = std::min(next_report_, now + Duration(kRetry));
  }
}

void NodeLink::CheckSilence(SteadyTime now) {
  const bool stale = tracker_.Stale(now);
  vitals_.SetStale(stale);
  const bool asked = reconnect_.exchange(false);
  if (!asked && now - last_heard_ <= patience_) return;
  if (!greeted_) trouble_at_ = now;
  if (!greeted_ &&
      vitals_.SetError("unavailable: no HEAD from " + parts_.options.announce_endpoint +
                       " (hint: is the hub running, is this node's key on its list, do the keys match?)")) {
    log::Warn("update.hub_silent", {{"announce", parts_.options.announce_endpoint}});
  }
  if (const Status opened = Open(); !opened.ok()) {
    heads_.reset();
    bulk_.reset();
    if (vitals_.SetError(opened.ToString())) log::Error("update.sockets", {{"error", opened.ToString()}});
  }
}

}  // namespace perennial::transport
