#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "serving/http/head.h"

namespace perennial::http {

// Collects one request body from bytes as they arrive, by Content-Length or chunked (RFC 9112, section 7), and never
// holds more than the limit. Thread-compatible.
class BodyReader {
 public:
  // Starts on a new body.
  void Begin(const Head& head, uint64_t max_body_bytes);
  // Consumes the front of `input`. A refusal is final for the connection.
  std::optional<Rejection> Feed(std::string& input);
  bool done() const { return state_ == State::kDone; }
  std::string Take() { return std::move(body_); }
  size_t size() const { return body_.size(); }

 private:
  enum class State : uint8_t { kFixed, kChunkSize, kChunkData, kChunkEnd, kTrailer, kDone };
  std::optional<Rejection> ReadChunkSize(std::string_view line);
  std::optional<Rejection> Step(std::string_view& view, bool& starved);

  State state_ = State::kDone;
  uint64_t remaining_ = 0;  // of the body or of the current chunk
  uint64_t max_body_bytes_ = 0;
  size_t trailer_bytes_ = 0;
  std::string body_;
};

}  // namespace perennial::http
