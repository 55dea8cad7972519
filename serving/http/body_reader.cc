#include "serving/http/body_reader.h"

#include <algorithm>
#include <charconv>

namespace perennial::http {
namespace {
constexpr size_t kMaxChunkLine = 256;  // size and extensions
constexpr size_t kMaxTrailerBytes = 8192;
}  // namespace

void BodyReader::Begin(const Head& head, uint64_t max_body_bytes) {
  body_.clear();
  max_body_bytes_ = max_body_bytes;
  trailer_bytes_ = 0;
  remaining_ = head.content_length;
  state_ = head.chunked ? State::kChunkSize : remaining_ > 0 ? State::kFixed : State::kDone;
}

std::optional<Rejection> BodyReader::Feed(std::string& input) {
  std::string_view view(input);
  bool starved = false;
  std::optional<Rejection> refused;
  while (!done() && !starved && !refused) refused = Step(view, starved);
  input.erase(0, input.size() - view.size());
  return refused;
}

std::optional<Rejection> BodyReader::Step(std::string_view& view, bool& starved) {
  if (state_ == State::kFixed || state_ == State::kChunkData) {
    const size_t take = static_cast<size_t>(std::min<uint64_t>(remaining_, view.size()));
    body_.append(view.substr(0, take));
    view.remove_prefix(take);
    remaining_ -= take;
    starved = remaining_ > 0;
    if (!starved) state_ = state_ == State::kFixed ? State::kDone : State::kChunkEnd;
    return std::nullopt;
  }
  const size_t end = view.find("\r\n");
  const size_t cap = state_ == State::kTrailer ? kMaxTrailerBytes : kMaxChunkLine;
  if (std::min(end, view.size()) > cap) return Rejection{400, InvalidArgument("chunked body: line too long")};
  if (end == std::string_view::npos) {
    starved = true;
    return std::nullopt;
  }
  const std::string_view line = view.substr(0, end);
  view.remove_prefix(end + 2);
  switch (state_) {
    case State::kChunkSize:
      return ReadChunkSize(line);
    case State::kChunkEnd:
      if (!line.empty()) return Rejection{400, InvalidArgument("chunked body: chunk longer than its size")};
      state_ = State::kChunkSize;
      return std::nullopt;
    default:
      trailer_bytes_ += line.size() + 2;
      if (trailer_bytes_ > kMaxTrailerBytes) return Rejection{431, InvalidArgument("chunked body: trailers too long")};
      if (line.empty()) state_ = State::kDone;
      return std::nullopt;
  }
}

std::optional<Rejection> BodyReader::ReadChunkSize(std::string_view line) {
  const std::string_view digits = line.substr(0, std::min(line.find_first_of("; \t"), line.size()));
  uint64_t size = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), size, 16);
  const bool overflow = parsed.ec == std::errc::result_out_of_range;
  if (digits.empty() || (!overflow && (parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size()))) {
    return Rejection{400, InvalidArgument("chunked body: malformed chunk size")};
  }
  if (overflow || size > max_body_bytes_ - body_.size()) {
    return Rejection{413, ResourceExhausted("the chunked body exceeds " + std::to_string(max_body_bytes_) + " bytes",
                                            "send it in smaller parts")};
  }
  remaining_ = size;
  state_ = size == 0 ? State::kTrailer : State::kChunkData;
  return std::nullopt;
}

}  // namespace perennial::http
