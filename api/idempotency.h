#pragma once

#include <cstdint>
#include <list>
#include <string>
#include <unordered_map>

#include "serving/http/server.h"
#include "storage/base/hash.h"
#include "storage/base/mutex.h"

namespace perennial::api {

struct IdempotencyOptions {
  size_t max_keys = 10'000;
  uint64_t max_bytes = 32u << 20;  // of remembered answers
};

// Remembers the answers to recent requests that carried an Idempotency-Key, so that a client that lost an answer may
// send again and get the same one. In memory: after a restart the sample's own key (source, id) or content hash still
// keeps it from being stored twice. Thread-safe.
class IdempotencyMemory {
 public:
  explicit IdempotencyMemory(IdempotencyOptions options) : options_(options) {}

  // Runs `handler` unless the request's key was answered before. A request without the header runs always. The same key
  // with another body is 422, with a first request still under way 409. Only final answers (status below 500, not 429)
  // are remembered.
  void Handle(const http::Request& request, http::Response& response, const http::Handler& handler);

 private:
  struct Answer {
    std::string key;
    Hash256 fingerprint;
    bool done = false;
    int status = 0;
    std::string content_type;
    std::string body;
  };
  using Position = std::list<Answer>::iterator;

  void Finish(const std::string& key, const http::Response& response);
  void Evict() REQUIRES_LOCK(mutex_);

  const IdempotencyOptions options_;
  Mutex mutex_;
  std::list<Answer> answers_ GUARDED_BY(mutex_);  // oldest first
  std::unordered_map<std::string, Position> by_key_ GUARDED_BY(mutex_);
  uint64_t bytes_ GUARDED_BY(mutex_) = 0;
};

}  // namespace perennial::api
