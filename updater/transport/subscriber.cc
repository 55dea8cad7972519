#include "updater/subscriber.h"

#include "storage/base/thread.h"
#include "updater/transport/node_driver.h"
#include "updater/transport/node_link.h"
#include "updater/transport/node_slots.h"
#include "updater/transport/node_vitals.h"

namespace perennial::updater {
namespace {

using namespace transport;

// Owns both threads. The link outlives the loader, who uses it.
class TwoThreads final : public Subscriber {
 public:
  TwoThreads(const SubscriberOptions& options, const trust::NodeBundle& bundle, versions::VersionStore& store,
             UpdateSink& sink, Evidence* evidence, const Clock& clock, NodeSlots slots)
      : driver_(options, bundle, store, sink, evidence, clock, vitals_, std::move(slots)) {}

  ~TwoThreads() override {
    if (link_ != nullptr) link_->StopWaiting();
    loader_.Join();
  }

  Status Begin(NodeLink::Parts parts, const Clock& clock) {
    driver_.Boot();
    parts.fence = driver_.fence();
    PERENNIAL_ASSIGN_OR_RETURN(link_, NodeLink::Start(std::move(parts), vitals_, clock));
    loader_ = Thread(
        "update-loader", [this] { driver_.Run(*link_); }, Thread::Priority::kBackground);
    return Status::Ok();
  }

  SubscriberStatus GetStatus() const override { return vitals_.Status(); }

 private:
  NodeVitals vitals_;
  NodeDriver driver_;
  std::unique_ptr<NodeLink> link_;
  Thread loader_;
};

}  // namespace

Status SubscriberOptions::Validate() const {
  if (announce_endpoint.empty() || bulk_endpoint.empty()) {
    return InvalidArgument("the hub's announce and bulk endpoints are needed", "the hub prints both when it is ready");
  }
  if (model_id.empty() || model_id.size() > kMaxNameBytes) return InvalidArgument("model_id has 1 to 64 characters");
  if (trial_deadline <= Duration::zero()) return InvalidArgument("trial_deadline must be positive");
  if (request_timeout <= Duration::zero()) return InvalidArgument("request_timeout must be positive");
  if (report_interval < std::chrono::milliseconds(10)) return InvalidArgument("report_interval is under 10 ms");
  if (credit_bytes == 0) return InvalidArgument("credit_bytes must be positive");
  if (max_object_bytes == 0) return InvalidArgument("max_object_bytes must be positive");
  return Status::Ok();
}

Result<std::unique_ptr<Subscriber>> Subscriber::Start(SubscriberOptions options, const trust::NodeBundle& bundle,
                                                      versions::VersionStore& store, UpdateSink& sink,
                                                      Evidence* evidence, FeedbackSink* feedback,
                                                      const std::string& http_address, const Clock& clock) {
  PERENNIAL_RETURN_IF_ERROR(options.Validate());
  PERENNIAL_ASSIGN_OR_RETURN(NodeSlots slots, NodeSlots::Open(store));
  auto subscriber = std::make_unique<TwoThreads>(options, bundle, store, sink, evidence, clock, std::move(slots));
  NodeLink::Parts parts;
  parts.options = std::move(options);
  parts.bundle = bundle;
  parts.http_address = http_address;
  parts.evidence = evidence;
  parts.feedback = feedback;
  PERENNIAL_RETURN_IF_ERROR(subscriber->Begin(std::move(parts), clock));
  return std::unique_ptr<Subscriber>(std::move(subscriber));
}

}  // namespace perennial::updater
