#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "storage/base/hash.h"
#include "storage/base/ids.h"
#include "storage/base/status.h"
#include "updater/evidence.h"

// The messages between node and hub on the bulk socket (wire.md). Plain values; pure encode and decode.
namespace perennial::transport {

inline constexpr uint8_t kWireVersion = 1;
inline constexpr size_t kMaxNameBytes = 64;
inline constexpr size_t kMaxTextBytes = 1024;  // error messages, addresses, request ids
inline constexpr size_t kMaxLabelBytes = 4096;
inline constexpr size_t kMaxHeadBytes = 1024;
inline constexpr size_t kMaxHashesPerRequest = 256;
inline constexpr size_t kMaxArms = 8;
inline constexpr size_t kMaxNodeMessageBytes = 64u << 10;         // node -> hub
inline constexpr size_t kMaxHubMessageBytes = (1u << 20) + 4096;  // hub -> node: a signed manifest is the largest

// node -> hub, first on every connection: send me the current HEAD.
struct Hello {
  std::string name;
  std::string model_id;
  friend bool operator==(const Hello&, const Hello&) = default;
};
// hub -> node: the signed HEAD as it is announced.
struct State {
  std::string signed_head;
  friend bool operator==(const State&, const State&) = default;
};
struct GetManifest {
  VersionId version;
  friend bool operator==(const GetManifest&, const GetManifest&) = default;
};
struct ManifestReply {
  VersionId version;
  std::string signed_manifest;  // format::SignedManifest::Encode()
  friend bool operator==(const ManifestReply&, const ManifestReply&) = default;
};
// node -> hub: send these chunks, in this order. The hub keeps at most `credit` bytes (and its own cap) unacknowledged;
// `received` acknowledges. A new generation drops what an older one still waits for. No hashes: only an
// acknowledgement.
struct GetChunks {
  uint64_t generation = 0;
  uint64_t received = 0;  // chunk bytes of this generation so far
  uint64_t credit = 0;
  std::vector<Hash256> hashes;  // at most kMaxHashesPerRequest
  friend bool operator==(const GetChunks&, const GetChunks&) = default;
};
struct ChunkReply {
  uint64_t generation = 0;
  Hash256 hash;
  std::string bytes;
  friend bool operator==(const ChunkReply&, const ChunkReply&) = default;
};
// A version this node will not serve, and why: a hard guard for the rollout.
struct Refusal {
  VersionId version;
  std::string reason;
  friend bool operator==(const Refusal&, const Refusal&) = default;
};
// node -> hub, every report interval and at once when the state changes.
struct Report {
  std::string name;
  std::string state;
  VersionId stable;
  VersionId candidate;
  uint64_t swaps = 0;
  uint64_t bytes_downloaded = 0;
  std::string last_error;
  std::string http_address;
  std::vector<updater::ArmCounts> arms;
  std::optional<Refusal> refusal;
  friend bool operator==(const Report&, const Report&) = default;
};
struct Feedback {
  uint64_t id = 0;
  std::string request_id;
  std::string label;
  friend bool operator==(const Feedback&, const Feedback&) = default;
};
struct FeedbackAck {
  uint64_t id = 0;
  bool known = false;  // the request id is known at the node
  friend bool operator==(const FeedbackAck&, const FeedbackAck&) = default;
};
// hub -> node: what you asked for cannot be had.
struct ErrorReply {
  enum class About : uint8_t { kRequest = 0, kManifest = 1, kChunk = 2 };
  About about = About::kRequest;
  uint64_t reference = 0;  // kManifest: the version; kChunk: the generation
  Hash256 hash;            // kChunk
  Code code = Code::kInternal;
  std::string message;
  friend bool operator==(const ErrorReply&, const ErrorReply&) = default;
};

using Message = std::variant<Hello, State, GetManifest, ManifestReply, GetChunks, ChunkReply, Report, Feedback,
                             FeedbackAck, ErrorReply>;

// Texts longer than their cap are cut.
std::string EncodeMessage(const Message& message);
// kCorruption for anything EncodeMessage would not have made: unknown version or type, excess lengths, trailing bytes.
// Allocates no more than the input's size.
Result<Message> DecodeMessage(std::string_view bytes);

}  // namespace perennial::transport
