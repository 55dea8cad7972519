#include "updater/trust/secret_bytes.h"

#include <sodium.h>

#include <cstdlib>
#include <new>
#include <utility>

#include "storage/base/log.h"

namespace perennial::trust {

void EnsureSodium() {
  static const int result = sodium_init();
  if (result >= 0) return;
  log::Error("sodium_init_failed", {{"why", "the machine gives no random bytes"}});
  std::abort();
}

SecretBytes::SecretBytes(size_t size) : size_(size) {
  EnsureSodium();
  data_ = static_cast<uint8_t*>(sodium_malloc(size));
  if (data_ == nullptr) throw std::bad_alloc();
}

SecretBytes::~SecretBytes() { sodium_free(data_); }

SecretBytes::SecretBytes(SecretBytes&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

void Wipe(std::string& secret) {
  sodium_memzero(secret.data(), secret.size());
  secret.clear();
}

}  // namespace perennial::trust
