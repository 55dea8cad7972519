#include "trainer/compute_share.h"

#include <ctime>
#include <numeric>
#include <string>

namespace perennial::trainer {

Duration ThreadCpuTime() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

Status ComputeShare::Validate(double share) {
  if (share > 0 && share <= 1) return Status::Ok();
  return InvalidArgument("the shadows' share of compute is " + std::to_string(share) + ", not above 0 and at most 1",
                         "1 never holds them back; to have none, leave --shadow out");
}

void ComputeShare::MainWorked(Duration spent, bool idle) {
  MutexLock lock(mutex_);
  main_ += spent;
  idle_ = idle;
}

void ComputeShare::MainRests(bool rests) {
  MutexLock lock(mutex_);
  rests_ = rests;
}

bool ComputeShare::MayWork(size_t shadow) const {
  MutexLock lock(mutex_);
  if (share_ >= 1 || idle_ || rests_) return true;
  const Duration all = std::accumulate(spent_.begin(), spent_.end(), main_);
  const double mine = std::chrono::duration<double>(spent_.at(shadow) - kGrace).count();
  return mine < std::chrono::duration<double>(all).count() * share_ / static_cast<double>(spent_.size());
}

void ComputeShare::Worked(size_t shadow, Duration spent) {
  MutexLock lock(mutex_);
  spent_.at(shadow) += spent;
}

}  // namespace perennial::trainer
