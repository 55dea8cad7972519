#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace perennial::trust {

// Makes libsodium ready; any number of calls from any thread. Ends the process when the machine gives no randomness: no
// key made without it would be one.
void EnsureSodium();

// A fixed number of bytes in libsodium's guarded heap: locked against swapping, zeroed when freed. Move-only.
class SecretBytes {
 public:
  explicit SecretBytes(size_t size);
  ~SecretBytes();
  SecretBytes(SecretBytes&& other) noexcept;
  SecretBytes& operator=(SecretBytes&&) = delete;

  uint8_t* data() { return data_; }
  const uint8_t* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  uint8_t* data_;
  size_t size_;
};

// Overwrites a string that held a secret and empties it.
void Wipe(std::string& secret);

}  // namespace perennial::trust
