#include "tests/updater/support/hub_and_node.h"

#include <gtest/gtest.h>

#include "tests/format/random_image.h"

namespace perennial::updater {
namespace {

TemporaryFolder MakeFolder() {
  Result<TemporaryFolder> folder = TemporaryFolder::Make("perennial-updater");
  EXPECT_TRUE(folder.ok());
  return *std::move(folder);
}

}  // namespace

TestHub::TestHub(CanaryOptions canary) : folder_(MakeFolder()), canary_(canary) {
  keys_folder_ = folder_.path() + "/keys";
  EXPECT_TRUE(trust::HubKeyring::Init(keys_folder_).ok());
  keys_ = *trust::HubKeyring::Load(keys_folder_);
  kv_ = kv::OpenMemory(versions::VersionStore::Families());
  versions_ = *versions::VersionStore::Open(*kv_);
  store_ = std::make_unique<HookedStore>(*versions_);
  PublisherOptions options;
  options.chunk_size = 4096;
  publisher_ = *Publisher::Open(*store_, keys_->signer(), options, clock_);
  server_options_.heartbeat = std::chrono::milliseconds(100);
  Start();
}

void TestHub::Start() {
  Result<std::unique_ptr<RolloutController>> rollout =
      RolloutController::Open(*store_, canary_, clock_, [this](const RolloutState& state) {
        if (server_ != nullptr) server_->Announce(state);
      });
  ASSERT_TRUE(rollout.ok()) << rollout.status().ToString();
  rollout_ = *std::move(rollout);
  Result<std::unique_ptr<UpdateServer>> server =
      UpdateServer::Start(server_options_, *keys_, *store_, *rollout_, clock_);
  ASSERT_TRUE(server.ok()) << server.status().ToString();
  server_ = *std::move(server);
  server_options_.announce_endpoint = server_->announce_endpoint();
  server_options_.bulk_endpoint = server_->bulk_endpoint();
}

void TestHub::Stop() {
  server_.reset();
  rollout_.reset();
}

VersionId TestHub::Publish(const format::VersionImage& image) {
  const VersionId stable = rollout_->State().stable;
  Result<PublishOutcome> outcome = publisher_->Publish(image, "{}", stable, stable);
  EXPECT_TRUE(outcome.ok()) << outcome.status().ToString();
  return outcome.ok() ? outcome->version : VersionId{};
}

VersionId TestHub::Release(const format::VersionImage& image) {
  const VersionId version = Publish(image);
  const Status started = rollout_->Start(version);
  EXPECT_TRUE(started.ok()) << started.ToString();
  return version;
}

VersionId TestHub::ReleaseStable(const format::VersionImage& image) {
  const VersionId version = Release(image);
  const Status promoted = rollout_->TrialRunning() ? rollout_->Promote("by hand") : Status::Ok();
  EXPECT_TRUE(promoted.ok()) << promoted.ToString();
  return version;
}

format::Manifest TestHub::ManifestOf(VersionId version) const {
  const Result<versions::VersionRecord> record = versions_->Get(version);
  EXPECT_TRUE(record.ok()) << record.status().ToString();
  return record.ok() ? record->manifest : format::Manifest{};
}

trust::NodeBundle TestHub::AddNode(const std::string& name) {
  const std::string folder = BundleFolder(name);
  EXPECT_TRUE(trust::HubKeyring::AddNode(keys_folder_, name, folder).ok());
  return *trust::NodeBundle::Load(folder);
}

SubscriberOptions TestHub::NodeOptions() const {
  SubscriberOptions options;
  options.announce_endpoint = server_options_.announce_endpoint;
  options.bulk_endpoint = server_options_.bulk_endpoint;
  options.report_interval = std::chrono::milliseconds(20);
  return options;
}

NodeStatus TestHub::Node(const std::string& name) const {
  for (const NodeStatus& node : server_->Nodes()) {
    if (node.name == name) return node;
  }
  return {};
}

TestNode::TestNode(trust::NodeBundle bundle, SubscriberOptions options)
    : bundle_(std::move(bundle)),
      options_(std::move(options)),
      kv_(kv::OpenMemory(versions::VersionStore::Families())) {
  versions_ = *versions::VersionStore::Open(*kv_);
  store_ = std::make_unique<HookedStore>(*versions_);
  edge_ = std::make_unique<FakeEdge>();
}

Status TestNode::Start() {
  Result<std::unique_ptr<Subscriber>> subscriber =
      Subscriber::Start(options_, bundle_, *store_, *edge_, edge_.get(), edge_.get(), "127.0.0.1:8080", clock_);
  if (!subscriber.ok()) return subscriber.status();
  subscriber_ = *std::move(subscriber);
  return Status::Ok();
}

void TestNode::StartAfresh() {
  Stop();
  edge_ = std::make_unique<FakeEdge>();
  const Status started = Start();
  ASSERT_TRUE(started.ok()) << started.ToString();
}

format::VersionImage MakeImage(uint64_t seed, int64_t kilobytes) {
  Rng rng(seed);
  format::VersionImage image;
  image.spec = *format::ModelSpec::Preset("tiny");
  image.labels = {"scratch", "dent"};
  image.slices = {"default"};
  image.scale_set = 1;
  image.trained_until = 100;
  image.tensors.push_back(format::RandomInt8Tensor("body.weight", {kilobytes, 1024}, rng));
  image.tensors.push_back(format::RandomFloatTensor("head.weight", {2, 16}, rng));
  return image;
}

format::VersionImage Trained(const format::VersionImage& image, uint64_t seed) {
  Rng rng(seed);
  return format::Nudge(image, rng, 0.02);
}

ArmCounts Arm(VersionId version, uint64_t requests, uint64_t errors, uint64_t feedback, uint64_t correct) {
  ArmCounts arm;
  arm.version = version;
  arm.requests = requests;
  arm.errors = errors;
  arm.feedback = feedback;
  arm.feedback_correct = correct;
  return arm;
}

}  // namespace perennial::updater
