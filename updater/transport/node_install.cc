#include "storage/base/log.h"
#include "updater/transport/manifest_check.h"
#include "updater/transport/node_driver.h"
#include "updater/transport/object_choice.h"

namespace perennial::transport {
namespace {

using updater::NodeEvent;

// Errors that say nothing about the version itself: memory, disk, the end of the program.
bool Passing(Code code) {
  return code == Code::kResourceExhausted || code == Code::kIoError || code == Code::kCancelled ||
         code == Code::kUnavailable || code == Code::kDeadlineExceeded;
}

}  // namespace

void NodeDriver::Install(const NodePlan& plan) {
  if (!Fire(NodeEvent::kWanted).ok()) return;
  Fetcher fetcher(
      *link_, store_, {options_.request_timeout, options_.credit_bytes}, generation_,
      [this, &plan] { return Confirmed(plan).status(); }, [this](uint64_t bytes) { vitals_.CountBytes(bytes); });
  const Status installed = TryInstall(plan, fetcher);
  if (installed.ok()) {
    backed_off_ = {};
    vitals_.SetError({});
    return;
  }
  // Whatever the sink holds of it goes; that it holds nothing is fine.
  const Status reverted = sink_.Revert(plan.version);
  if (!reverted.ok() && reverted.code() != Code::kNotFound) {
    log::Warn("update.revert_failed", {{"version", plan.version.value}, {"error", reverted.ToString()}});
  }
  (void)Fire(NodeEvent::kFailed);
  if (installed.code() == Code::kCancelled) {
    // A changed order is no failure of the version: what HEAD says now is looked at at once.
    log::Info("update.left_off", {{"version", plan.version.value}, {"why", installed.message()}});
    return;
  }
  Fail(installed.WithContext("install version " + plan.version.ToString()));
  BackOff(plan);
}

Status NodeDriver::TryInstall(const NodePlan& plan, Fetcher& fetcher) {
  PERENNIAL_ASSIGN_OR_RETURN(const format::Manifest manifest, GetManifest(plan, fetcher));
  PERENNIAL_ASSIGN_OR_RETURN(const Content content, Obtain(manifest, fetcher));
  PERENNIAL_RETURN_IF_ERROR(Prepare(plan, manifest, content));
  PERENNIAL_ASSIGN_OR_RETURN(const NodePlan now, Confirmed(plan));

  SlotEntry entry{plan.version, {}, manifest.target_root, manifest.architecture, plan.manifest_hash};
  if (content.entry.has_value()) {
    entry.entry = *content.entry;
  } else {
    PERENNIAL_ASSIGN_OR_RETURN(
        entry.entry, keeper_.Keep(manifest, content.fetched.has_value() ? &*content.fetched : nullptr, *content.image));
  }
  return now.step == NodePlan::Step::kInstallTrial ? BeginTrial(entry, now.weight_permille) : Commit(entry);
}

Result<NodePlan> NodeDriver::Confirmed(const NodePlan& plan) const {
  const std::optional<Head> head = link_->Latest();
  if (!head.has_value()) return plan;
  NodePlan now = PlanNext(slots_, trial_weight_, *head);
  const bool install = now.step == NodePlan::Step::kInstallTrial || now.step == NodePlan::Step::kInstallStable;
  if (install && now.version == plan.version && now.manifest_hash == plan.manifest_hash) return now;
  return Cancelled("HEAD moved on");
}

Result<format::Manifest> NodeDriver::GetManifest(const NodePlan& plan, Fetcher& fetcher) const {
  PERENNIAL_ASSIGN_OR_RETURN(const std::string bytes, fetcher.Manifest(plan.version));
  return CheckManifest(
      bytes, verifier_,
      {options_.model_id, plan.version, plan.manifest_hash, clock_.WallMicros(), options_.max_object_bytes});
}

Result<NodeDriver::Content> NodeDriver::Obtain(const format::Manifest& manifest, Fetcher& fetcher) {
  if (std::optional<Content> held = FromResident(manifest)) {
    PERENNIAL_RETURN_IF_ERROR(Fire(NodeEvent::kFetched));
    PERENNIAL_RETURN_IF_ERROR(Fire(NodeEvent::kDecoded));
    return *std::move(held);
  }
  const auto has = [this](const Hash256& hash) { return store_.HasChunk(hash); };
  Status last =
      FailedPrecondition("none of the version's objects is of use to this node", "update the node's software");
  for (const ObjectChoice& choice : ChooseObjects(manifest, slots_.Residents(), has)) {
    Result<Content> content = FromObject(manifest, choice, fetcher);
    if (content.ok()) return content;
    last = content.status();
    if (last.code() == Code::kCancelled || last.code() == Code::kUnavailable) return last;
    // Another object may still give the same content: mostly the snapshot after a delta that was of no use.
    const bool delta = choice.object.kind == format::ObjectKind::kDelta;
    log::Warn(
        "update.object_failed",
        {{"version", manifest.version.value}, {"kind", delta ? "delta" : "snapshot"}, {"error", last.ToString()}});
    PERENNIAL_RETURN_IF_ERROR(Fire(NodeEvent::kObjectFailed));
  }
  return last;
}

std::optional<NodeDriver::Content> NodeDriver::FromResident(const format::Manifest& manifest) const {
  for (const SlotEntry& resident : slots_.Residents()) {
    if (resident.root != manifest.target_root || resident.architecture != manifest.architecture) continue;
    Result<ImagePtr> image = keeper_.Load(resident);
    if (image.ok()) return Content{*std::move(image), resident.entry, std::nullopt};
  }
  return std::nullopt;
}

Result<NodeDriver::Content> NodeDriver::FromObject(const format::Manifest& manifest, const ObjectChoice& choice,
                                                   Fetcher& fetcher) {
  PERENNIAL_RETURN_IF_ERROR(fetcher.Object(choice.object));
  PERENNIAL_RETURN_IF_ERROR(Fire(NodeEvent::kFetched));
  PERENNIAL_ASSIGN_OR_RETURN(ImagePtr image, keeper_.Decode(manifest, choice));
  PERENNIAL_RETURN_IF_ERROR(Fire(NodeEvent::kDecoded));
  vitals_.CountObject(choice.object.kind == format::ObjectKind::kDelta);
  return Content{std::move(image), std::nullopt, choice.object};
}

Status NodeDriver::Prepare(const NodePlan& plan, const format::Manifest& manifest, const Content& content) {
  const Status staged = sink_.Stage({plan.version, manifest.target_root, content.image});
  if (staged.ok()) return Fire(NodeEvent::kPrepared);
  if (!Passing(staged.code())) {
    // Genuine bytes that cannot be served stay so: not again before there is a new version.
    const Status kept = slots_.Refuse({plan.version, plan.manifest_hash, staged.ToString()});
    if (!kept.ok()) log::Warn("update.refusal_not_stored", {{"error", kept.ToString()}});
  }
  return staged.WithContext("prepare");
}

Status NodeDriver::BeginTrial(const SlotEntry& entry, uint32_t weight) {
  PERENNIAL_RETURN_IF_ERROR(slots_.BeginTrial(entry));
  if (const Status active = sink_.Activate(entry.version, {weight}); !active.ok()) {
    if (const Status undone = slots_.EndTrial(std::nullopt); !undone.ok()) Fail(undone);
    return active.WithContext("begin the trial");
  }
  trial_weight_ = weight;
  trial_began_ = clock_.Now();
  vitals_.SetFinalCounts(std::nullopt);
  ShowVersions();
  log::Info("update.trial_began", {{"version", entry.version.value}, {"permille", static_cast<uint64_t>(weight)}});
  return Fire(NodeEvent::kTrialBegan);
}

Status NodeDriver::Commit(const SlotEntry& entry) {
  // Slots first: after a crash in between the new version boots, complete and verified.
  PERENNIAL_RETURN_IF_ERROR(slots_.Commit(entry));
  if (const Status confirmed = sink_.Confirm(entry.version); !confirmed.ok()) {
    if (const Status undone = slots_.UndoCommit(); !undone.ok()) Fail(undone);
    return confirmed.WithContext("confirm");
  }
  trial_weight_ = 0;
  vitals_.CountSwap();
  vitals_.SetFinalCounts(std::nullopt);
  ShowVersions();
  log::Info("update.committed", {{"version", entry.version.value}});
  PERENNIAL_RETURN_IF_ERROR(Fire(NodeEvent::kConfirmed));
  keeper_.Collect(slots_.Residents());
  return Status::Ok();
}

}  // namespace perennial::transport
