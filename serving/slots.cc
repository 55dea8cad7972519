#include "serving/slots.h"

#include <utility>
#include <vector>

#include "serving/warm_up.h"

namespace perennial::serving {
namespace {

Status NotResident(VersionId version) {
  return NotFound("version " + version.ToString() + " is not resident here", "stage it first");
}

bool Is(const ServedPtr& served, VersionId version) { return served != nullptr && served->version == version; }

}  // namespace

Status Slots::Stage(const updater::StagedVersion& staged) {
  if (staged.image == nullptr || staged.version.value == 0) return InvalidArgument("stage: no version given");
  MutexLock stage_lock(stage_mutex_);
  ServedPtr twin;
  {
    MutexLock lock(mutex_);
    twin = FindContent(staged.root);
    // Frees the memory of a staged version that nobody wanted before the next one is built.
    if (twin != staged_) staged_ = nullptr;
    FreeRetired();
  }
  auto served = std::make_shared<Served>();
  served->version = staged.version;
  served->root = staged.root;
  if (twin != nullptr) {
    served->image = twin->image;
    served->predictor = twin->predictor;
  } else {
    served->image = staged.image;
    PERENNIAL_ASSIGN_OR_RETURN(served->predictor, factory_->Make(staged.image));
    const std::string architecture = staged.image->spec.ToJson();
    PERENNIAL_RETURN_IF_ERROR(WarmUp(*served->predictor, *staged.image, max_batch_, !warmed_.contains(architecture)));
    warmed_.insert(architecture);
  }
  MutexLock lock(mutex_);
  staged_ = std::move(served);
  return Status::Ok();
}

Status Slots::Activate(VersionId version, uint32_t permille, bool& fresh) {
  if (permille > 1000) return InvalidArgument("trial weight " + std::to_string(permille) + " is over 1000 permille");
  MutexLock lock(mutex_);
  Routing next = *routing_.load();
  fresh = !Is(next.candidate, version);
  if (fresh) {
    if (!Is(staged_, version)) return NotResident(version);
    next.candidate = std::move(staged_);
    staged_ = nullptr;
    halted_ = false;
    // In the same flip, so that no request can count in a trial that it was not routed by.
    next.candidate_arm = std::make_shared<monitor::Arm>(version);
    if (next.stable_arm != nullptr) next.stable_arm = next.stable_arm->Renewed();
  }
  next.permille = halted_ ? 0 : permille;
  Flip(std::move(next));
  return Status::Ok();
}

Status Slots::Confirm(VersionId version, bool& changed) {
  MutexLock lock(mutex_);
  Routing next = *routing_.load();
  changed = !Is(next.stable, version);
  if (Is(next.candidate, version)) {
    next.stable = std::move(next.candidate);
  } else if (Is(staged_, version)) {
    next.stable = std::move(staged_);
    staged_ = nullptr;
  } else if (changed) {
    return NotResident(version);
  }
  if (changed) next.stable_arm = std::make_shared<monitor::Arm>(version);
  EndTrial(next);
  Flip(std::move(next));
  return Status::Ok();
}

Status Slots::Revert(VersionId version) {
  MutexLock lock(mutex_);
  Routing next = *routing_.load();
  if (Is(staged_, version)) {
    staged_ = nullptr;
    return Status::Ok();
  }
  if (!Is(next.candidate, version)) return NotFound("version " + version.ToString() + " is not on trial here");
  EndTrial(next);
  Flip(std::move(next));
  return Status::Ok();
}

bool Slots::HaltTrial(const monitor::ArmPtr& arm) {
  MutexLock lock(mutex_);
  Routing next = *routing_.load();
  if (halted_ || arm == nullptr || next.candidate_arm != arm) return false;
  halted_ = true;
  next.permille = 0;
  Flip(std::move(next));
  return true;
}

void Slots::EndTrial(Routing& next) {
  next.candidate = nullptr;
  next.candidate_arm = nullptr;
  next.permille = 0;
  halted_ = false;
}

void Slots::Flip(Routing next) {
  const auto before = routing_.load();
  for (const ServedPtr& old : {before->stable, before->candidate}) {
    if (old != nullptr && old != next.stable && old != next.candidate) retired_.push_back(old);
  }
  routing_.store(std::make_shared<const Routing>(std::move(next)));
}

void Slots::FreeRetired() {
  std::erase_if(retired_, [](const ServedPtr& served) { return served.use_count() == 1; });
}

ServedPtr Slots::FindContent(const Hash256& root) {
  const auto routing = routing_.load();
  for (const ServedPtr& served : {routing->stable, routing->candidate, staged_}) {
    if (served != nullptr && served->root == root) return served;
  }
  return nullptr;
}

}  // namespace perennial::serving
