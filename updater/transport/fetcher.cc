#include "updater/transport/fetcher.h"

#include <algorithm>
#include <deque>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "updater/transport/object_choice.h"

namespace perennial::transport {
namespace {

constexpr size_t kMaxOutstanding = 128;
constexpr int kMaxBadChunks = 3;

SteadyTime After(Duration wait) { return std::chrono::steady_clock::now() + wait; }

Status Stopping() { return Cancelled("the program ends"); }

Status FromHub(const ErrorReply& error) { return {error.code, "the hub cannot send it: " + error.message}; }

}  // namespace

// One object on its way: every missing chunk is in exactly one of `waiting` and `outstanding`.
struct Fetcher::Download {
  std::deque<std::pair<Hash256, uint64_t>> waiting;   // hash and size, not asked for yet
  std::unordered_map<Hash256, uint64_t> outstanding;  // asked for
  uint64_t outstanding_bytes = 0;
  uint64_t received = 0;  // in this generation
  int bad_chunks = 0;
  int timeouts = 0;  // in a row
  bool progressed = false;

  bool Done() const { return waiting.empty() && outstanding.empty(); }
};

Result<std::string> Fetcher::Manifest(VersionId version) {
  for (int timeouts = 0; timeouts < limits_.patience; ++timeouts) {
    link_.Send(GetManifest{version});
    const SteadyTime deadline = After(limits_.request_timeout);
    while (std::chrono::steady_clock::now() < deadline) {
      const std::optional<LinkEvent> event = link_.Next(deadline);
      if (!event.has_value()) break;
      if (event->kind == LinkEvent::Kind::kStop) return Stopping();
      if (event->kind == LinkEvent::Kind::kHeadChanged) {
        PERENNIAL_RETURN_IF_ERROR(go_on_());
        link_.Send(GetManifest{version});  // a hub that restarted does not know that we asked
      }
      if (event->kind != LinkEvent::Kind::kMessage) continue;
      if (const auto* reply = std::get_if<ManifestReply>(&event->message);
          reply != nullptr && reply->version == version) {
        return reply->signed_manifest;
      }
      const auto* error = std::get_if<ErrorReply>(&event->message);
      if (error != nullptr && error->about == ErrorReply::About::kManifest && error->reference == version.value) {
        return FromHub(*error);
      }
    }
    link_.Reconnect();
  }
  return Unavailable("the hub does not answer");
}

Status Fetcher::Object(const format::ObjectRef& object) {
  Download download;
  std::unordered_map<Hash256, uint64_t> seen;
  for (size_t i = 0; i < object.chunks.size(); ++i) {
    const uint64_t size = ChunkBytes(object, i);
    const auto [place, fresh] = seen.emplace(object.chunks[i], size);
    if (place->second != size) return Corruption("the object names one chunk with two sizes");
    if (fresh && !store_.HasChunk(object.chunks[i])) download.waiting.emplace_back(object.chunks[i], size);
  }
  Restart(download);
  SteadyTime deadline = After(limits_.request_timeout);
  while (!download.Done()) {
    const std::optional<LinkEvent> event = link_.Next(deadline);
    download.progressed = false;
    if (event.has_value()) PERENNIAL_RETURN_IF_ERROR(Step(download, *event));
    if (download.progressed) {
      download.timeouts = 0;
      deadline = After(limits_.request_timeout);
    } else if (std::chrono::steady_clock::now() >= deadline) {
      if (++download.timeouts >= limits_.patience) return Unavailable("the hub sends no more chunks");
      link_.Reconnect();
      Restart(download);
      deadline = After(limits_.request_timeout);
    }
  }
  return Status::Ok();
}

Status Fetcher::Step(Download& download, const LinkEvent& event) {
  switch (event.kind) {
    case LinkEvent::Kind::kStop:
      return Stopping();
    case LinkEvent::Kind::kReported:
      return Status::Ok();
    case LinkEvent::Kind::kHeadChanged:
      PERENNIAL_RETURN_IF_ERROR(go_on_());
      // Maybe the hub restarted and does not know what we wait for; asking anew costs one message.
      Restart(download);
      return Status::Ok();
    case LinkEvent::Kind::kMessage:
      break;
  }
  if (const auto* chunk = std::get_if<ChunkReply>(&event.message)) return OnChunk(download, *chunk);
  const auto* error = std::get_if<ErrorReply>(&event.message);
  if (error != nullptr && error->about == ErrorReply::About::kChunk && error->reference == generation_) {
    return FromHub(*error);
  }
  return Status::Ok();
}

Status Fetcher::OnChunk(Download& download, const ChunkReply& chunk) {
  // A chunk of an older request is as good as one of this: its name is its hash. Only the acknowledgement is the new
  // one's.
  const auto found = download.outstanding.find(chunk.hash);
  const bool current = chunk.generation == generation_;
  if (found == download.outstanding.end()) {
    if (current) download.received += chunk.bytes.size();
    return Status::Ok();
  }
  const uint64_t size = found->second;
  Status stored = chunk.bytes.size() == size ? store_.PutChunk(chunk.hash, chunk.bytes)
                                             : Corruption("a chunk came with another size than the manifest says");
  if (stored.code() == Code::kCorruption) {
    if (++download.bad_chunks > kMaxBadChunks) return stored;
    if (!current) return Status::Ok();
    download.received += chunk.bytes.size();
    download.waiting.emplace_front(*found);
  } else {
    PERENNIAL_RETURN_IF_ERROR(stored);
    if (current) download.received += size;
    download.progressed = true;
    on_bytes_(size);
  }
  download.outstanding_bytes -= size;
  download.outstanding.erase(found);
  Request(download);
  return Status::Ok();
}

void Fetcher::Request(Download& download) {
  GetChunks request{generation_, download.received, limits_.credit_bytes, {}};
  while (!download.waiting.empty() && download.outstanding.size() < kMaxOutstanding &&
         request.hashes.size() < kMaxHashesPerRequest) {
    const auto& [hash, size] = download.waiting.front();
    const bool fits = download.outstanding_bytes + size <= limits_.credit_bytes || download.outstanding.empty();
    if (!fits) break;
    request.hashes.push_back(hash);
    download.outstanding.emplace(hash, size);
    download.outstanding_bytes += size;
    download.waiting.pop_front();
  }
  // Also without hashes: the acknowledgement lets the hub go on.
  if (!download.Done()) link_.Send(std::move(request));
}

void Fetcher::Restart(Download& download) {
  ++generation_;
  for (const auto& chunk : download.outstanding) download.waiting.emplace_front(chunk);
  download.outstanding.clear();
  download.outstanding_bytes = 0;
  download.received = 0;
  if (!download.Done()) Request(download);
}

}  // namespace perennial::transport
