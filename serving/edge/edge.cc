#include "serving/edge/edge.h"

#include <optional>
#include <utility>

#include "serving/edge/update_metrics.h"
#include "serving/infer_response.h"
#include "serving/protocol.h"
#include "storage/base/env.h"
#include "storage/base/log.h"
#include "storage/base/mutex.h"
#include "storage/kv/kv_store.h"
#include "storage/versions/version_store.h"
#include "updater/trust/keyring.h"

namespace perennial::edge {
namespace {

class EdgeImpl final : public Edge {
 public:
  ~EdgeImpl() override {
    Drain();
    std::unique_ptr<updater::Subscriber> ending;
    {
      MutexLock lock(mutex_);
      ending.swap(subscriber_);
    }
    ending.reset();
    server_.reset();
  }

  Status Open(EdgeOptions options, const Clock& clock) {
    PERENNIAL_ASSIGN_OR_RETURN(const trust::NodeBundle bundle,
                               trust::NodeBundle::Load(options.bundle_folder).WithContext("read the node's bundle"));
    PERENNIAL_RETURN_IF_ERROR(OpenStore(options));
    options.engine.node_name = bundle.name;
    options.engine.model_name = options.updates.model_id;
    PERENNIAL_ASSIGN_OR_RETURN(engine_, serving::Engine::Start(options.engine, clock));
    PERENNIAL_RETURN_IF_ERROR(Listen(options));
    auto subscriber = updater::Subscriber::Start(options.updates, bundle, *versions_, *engine_, engine_.get(),
                                                 engine_.get(), server_->address(), clock);
    if (!subscriber.ok()) return subscriber.status().WithContext("start the update subscriber");
    MutexLock lock(mutex_);
    subscriber_ = std::move(*subscriber);
    return Status::Ok();
  }

  std::string http_address() const override { return server_->address(); }
  serving::Engine& engine() override { return *engine_; }
  updater::SubscriberStatus UpdateStatus() const override {
    MutexLock lock(mutex_);
    return subscriber_ == nullptr ? updater::SubscriberStatus() : subscriber_->GetStatus();
  }
  void Drain() override {
    if (server_ != nullptr) server_->Drain();
  }

 private:
  Status OpenStore(const EdgeOptions& options) {
    PERENNIAL_RETURN_IF_ERROR(Env::Posix().CreateDirectories(options.data_folder).WithContext("make the data folder"));
    kv::KvOptions store;
    store.path = options.data_folder + "/store";
    store.families = versions::VersionStore::Families();
    store.block_cache_bytes = options.block_cache_bytes;
    store.write_buffer_bytes = options.block_cache_bytes;
    PERENNIAL_ASSIGN_OR_RETURN(store_, kv::OpenRocks(store).WithContext("open the edge's store"));
    PERENNIAL_ASSIGN_OR_RETURN(versions_, versions::VersionStore::Open(*store_).WithContext("open the version store"));
    return Status::Ok();
  }

  Status Listen(const EdgeOptions& options) {
    PERENNIAL_ASSIGN_OR_RETURN(authenticator_, http::Authenticator::Open(options.auth));
    PERENNIAL_ASSIGN_OR_RETURN(server_, http::Server::Make(options.http));
    server_->SetFilter([this](const http::Request& request, http::Response& response) {
      return authenticator_->Refuse(
          request, response,
          [](const http::Request&, http::Response& out, const Status& why) { out.body = serving::FormatError(why); });
    });
    serving::ProtocolOptions protocol;
    protocol.model_name = options.updates.model_id;
    protocol.more_metrics = [this] { return UpdateMetricsText(UpdateStatus()); };
    serving::MountInference(*server_, *engine_, std::move(protocol));
    return server_->Listen();
  }

  // In order of dependence: what stands below uses what stands above.
  std::unique_ptr<kv::KvStore> store_;
  std::unique_ptr<versions::VersionStore> versions_;
  std::unique_ptr<serving::Engine> engine_;
  std::optional<http::Authenticator> authenticator_;  // read-only once opened
  std::unique_ptr<http::Server> server_;
  mutable Mutex mutex_;
  std::unique_ptr<updater::Subscriber> subscriber_ GUARDED_BY(mutex_);
};

}  // namespace

http::AuthOptions DefaultAuth() {
  return {.token_file = {}, .open_loopback = true, .open_paths = {"/healthz", "/v2/health/live", "/v2/health/ready"}};
}

Status EdgeOptions::Validate() const {
  if (bundle_folder.empty())
    return InvalidArgument("no bundle folder given",
                           "make one on the hub: perennial keys add-node KEYS NAME --bundle FOLDER");
  if (data_folder.empty()) return InvalidArgument("no data folder given", "give --data DIR");
  PERENNIAL_RETURN_IF_ERROR(updates.Validate());
  PERENNIAL_RETURN_IF_ERROR(http.Validate());
  PERENNIAL_RETURN_IF_ERROR(auth.Validate());
  return engine.Validate();
}

Result<std::unique_ptr<Edge>> Edge::Start(EdgeOptions options, const Clock& clock) {
  PERENNIAL_RETURN_IF_ERROR(options.Validate());
  const bool open_here_only = options.auth.token_file.empty();
  auto edge = std::make_unique<EdgeImpl>();
  PERENNIAL_RETURN_IF_ERROR(edge->Open(std::move(options), clock));
  if (open_here_only && !http::IsLoopback(edge->http_address())) {
    log::Warn("edge_has_no_tokens",
              {{"http", edge->http_address()}, {"hint", "requests from elsewhere get 401; give --token-file FILE"}});
  }
  log::Info("edge_started", {{"http", edge->http_address()}});
  return std::unique_ptr<Edge>(std::move(edge));
}

}  // namespace perennial::edge
