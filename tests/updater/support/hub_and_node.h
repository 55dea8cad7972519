#pragma once

#include <memory>
#include <string>

#include "storage/base/clock.h"
#include "storage/base/env.h"
#include "storage/format/version_image.h"
#include "storage/kv/kv_store.h"
#include "storage/versions/version_store.h"
#include "tests/updater/support/eventually.h"
#include "tests/updater/support/fake_edge.h"
#include "tests/updater/support/hooked_store.h"
#include "updater/publisher.h"
#include "updater/rollout.h"
#include "updater/subscriber.h"
#include "updater/trust/keyring.h"
#include "updater/update_server.h"

namespace perennial::updater {

// A hub's update plane over real sockets on 127.0.0.1, its store in memory. Keys are real and in a folder of their own.
class TestHub {
 public:
  explicit TestHub(CanaryOptions canary = {});
  ~TestHub() { Stop(); }

  // (Re)starts controller and server; the second time on the same ports, as a hub does that was restarted.
  void Start();
  void Stop();
  // Publishes and starts its rollout: the first version is stable at once, later ones go on trial.
  VersionId Release(const format::VersionImage& image);
  VersionId Publish(const format::VersionImage& image);
  // Publishes, and makes it stable at once.
  VersionId ReleaseStable(const format::VersionImage& image);
  format::Manifest ManifestOf(VersionId version) const;
  // A node's keys, allowed at this hub.
  trust::NodeBundle AddNode(const std::string& name);

  std::string BundleFolder(const std::string& name) const { return folder_.path() + "/bundle-" + name; }

  const trust::HubKeyring& keys() const { return *keys_; }
  HookedStore& store() { return *store_; }
  RolloutController& rollout() { return *rollout_; }
  UpdateServer& server() { return *server_; }
  Publisher& publisher() { return *publisher_; }
  SubscriberOptions NodeOptions() const;
  const std::string& keys_folder() const { return keys_folder_; }
  // The hub's view of a node; an empty name when it has none.
  NodeStatus Node(const std::string& name) const;

 private:
  TemporaryFolder folder_;
  std::string keys_folder_;
  SystemClock clock_;
  CanaryOptions canary_;
  UpdateServerOptions server_options_;
  std::unique_ptr<kv::KvStore> kv_;
  std::unique_ptr<versions::VersionStore> versions_;
  std::unique_ptr<HookedStore> store_;
  std::unique_ptr<trust::HubKeyring> keys_;
  std::unique_ptr<Publisher> publisher_;
  std::unique_ptr<RolloutController> rollout_;
  std::unique_ptr<UpdateServer> server_;
};

// A node: its store outlives its subscriber, so it can be stopped and started again.
class TestNode {
 public:
  TestNode(trust::NodeBundle bundle, SubscriberOptions options);
  ~TestNode() { Stop(); }

  Status Start();
  void Stop() { subscriber_.reset(); }
  // A new process: the sink forgets, the store does not.
  void StartAfresh();

  FakeEdge& edge() { return *edge_; }
  HookedStore& store() { return *store_; }
  SubscriberStatus Get() const { return subscriber_->GetStatus(); }
  SubscriberOptions& options() { return options_; }
  trust::NodeBundle& bundle() { return bundle_; }

 private:
  SystemClock clock_;
  trust::NodeBundle bundle_;
  SubscriberOptions options_;
  std::unique_ptr<kv::KvStore> kv_;
  std::unique_ptr<versions::VersionStore> versions_;
  std::unique_ptr<HookedStore> store_;
  std::unique_ptr<FakeEdge> edge_;
  std::unique_ptr<Subscriber> subscriber_;
};

// A valid image of about `kilobytes` incompressible bytes; the same seed, the same image.
format::VersionImage MakeImage(uint64_t seed, int64_t kilobytes = 64);
// What some training steps make of it: about 2 % of the codes moved.
format::VersionImage Trained(const format::VersionImage& image, uint64_t seed);
// Evidence of one arm.
ArmCounts Arm(VersionId version, uint64_t requests, uint64_t errors = 0, uint64_t feedback = 0, uint64_t correct = 0);

}  // namespace perennial::updater
