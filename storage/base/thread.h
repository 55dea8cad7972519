#pragma once

#include <functional>
#include <string>
#include <thread>

namespace perennial {

// A named thread (at most 15 bytes are visible to the kernel) that its owner joins; the destructor joins. Thread-compatible.
class Thread {
 public:
  enum class Priority {
    kNormal,
    kBackground,  // nice 19: loading a version must not take time from requests
  };

  Thread() = default;
  Thread(const std::string& name, std::function<void()> body, Priority priority = Priority::kNormal);
  ~Thread() { Join(); }
  Thread(Thread&&) = default;
  Thread& operator=(Thread&& other) noexcept;

  bool joinable() const { return thread_.joinable(); }
  void Join();

 private:
  std::thread thread_;
};

}  // namespace perennial
