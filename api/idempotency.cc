#include "api/idempotency.h"

#include "storage/base/bytes.h"

namespace perennial::api {
namespace {

constexpr std::string_view kHeader = "idempotency-key";
constexpr size_t kMaxKeyBytes = 255;

// What was asked: the same key must come with the same request.
Hash256 Fingerprint(const http::Request& request) {
  Sha256Stream hash;
  const auto add = [&](std::string_view bytes) {
    ByteWriter length;
    length.U64(bytes.size());
    hash.Update(length.data());
    hash.Update(bytes);
  };
  add(request.method);
  add(request.path);
  add(request.body);
  for (const http::Request::Part& part : request.parts) {
    add(part.name);
    add(part.content);
  }
  return hash.Finish();
}

}  // namespace

void IdempotencyMemory::Handle(const http::Request& request, http::Response& response, const http::Handler& handler) {
  const std::string key(request.Header(kHeader));
  if (key.empty()) return handler(request, response);
  if (key.size() > kMaxKeyBytes) {
    return http::WriteProblem(response, 400,
                              InvalidArgument("Idempotency-Key is longer than 255 bytes", "send a UUID"));
  }
  const Hash256 fingerprint = Fingerprint(request);
  {
    MutexLock lock(mutex_);
    if (const auto found = by_key_.find(key); found != by_key_.end()) {
      const Answer& answer = *found->second;
      if (answer.fingerprint != fingerprint) {
        return http::WriteProblem(response, 422,
                                  InvalidArgument("this Idempotency-Key was used for another request",
                                                  "make a new key for every new request"));
      }
      if (!answer.done) {
        response.headers.emplace_back("Retry-After", "1");
        return http::WriteProblem(response, 409,
                                  Status(Code::kUnavailable, "the first request with this Idempotency-Key is under way",
                                         "send it again in a second"));
      }
      response.status = answer.status;
      response.content_type = answer.content_type;
      response.body = answer.body;
      response.headers.emplace_back("Idempotent-Replayed", "true");
      return;
    }
    answers_.push_back({.key = key, .fingerprint = fingerprint, .content_type = {}, .body = {}});
    by_key_[key] = std::prev(answers_.end());
  }
  // A handler that throws must not leave its key under way for ever.
  struct Guard {
    IdempotencyMemory& memory;
    const std::string& key;
    http::Response& response;
    bool returned = false;
    ~Guard() {
      if (!returned) response.status = 500;
      memory.Finish(key, response);
    }
  } guard{*this, key, response};
  handler(request, response);
  guard.returned = true;
}

void IdempotencyMemory::Finish(const std::string& key, const http::Response& response) {
  MutexLock lock(mutex_);
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return;
  if (response.status >= 500 || response.status == 429) {
    answers_.erase(found->second);
    by_key_.erase(found);
    return;
  }
  Answer& answer = *found->second;
  answer.done = true;
  answer.status = response.status;
  answer.content_type = response.content_type;
  answer.body = response.body;
  bytes_ += answer.body.size();
  Evict();
}

void IdempotencyMemory::Evict() {
  for (auto at = answers_.begin(); at != answers_.end();) {
    if (answers_.size() <= options_.max_keys && bytes_ <= options_.max_bytes) return;
    if (!at->done) {
      ++at;
      continue;
    }
    bytes_ -= at->body.size();
    by_key_.erase(at->key);
    at = answers_.erase(at);
  }
}

}  // namespace perennial::api
