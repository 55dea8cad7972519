#include "storage/base/thread.h"

#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace perennial {

Thread::Thread(const std::string& name, std::function<void()> body, Priority priority)
    : thread_([name, body = std::move(body), priority] {
        pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
        if (priority == Priority::kBackground) {
          // Linux keeps a nice value per thread; failing to lower it costs speed, not correctness.
          (void)setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), 19);
        }
        body();
      }) {}

Thread& Thread::operator=(Thread&& other) noexcept {
  Join();
  thread_ = std::move(other.thread_);
  return *this;
}

void Thread::Join() {
  if (thread_.joinable()) thread_.join();
}

}  // namespace perennial
