#include "updater/transport/bulk_service.h"

#include <utility>

#include "storage/base/log.h"
#include "storage/format/manifest.h"

namespace perennial::transport {
namespace {

constexpr size_t kMaxQueuedChunks = 1024;
constexpr int kChunksPerPump = 32;  // then the loop looks at the other sockets again

ErrorReply ChunkError(uint64_t generation, const Hash256& hash, const Status& why) {
  return {ErrorReply::About::kChunk, generation, hash, why.code(), why.message()};
}

}  // namespace

void BulkService::Reply(const std::string& route, const Message& message) {
  (void)router_.Send({route, EncodeMessage(message)});
}

void BulkService::OnGetManifest(const std::string& route, const GetManifest& request) {
  Result<versions::VersionRecord> record = store_.Get(request.version);
  if (!record.ok()) {
    Reply(route, ErrorReply{ErrorReply::About::kManifest,
                            request.version.value,
                            {},
                            record.status().code(),
                            record.status().message()});
    return;
  }
  Reply(route, ManifestReply{request.version, record->signed_manifest.Encode()});
}

void BulkService::OnGetChunks(const std::string& node, const std::string& route, const GetChunks& request) {
  auto [place, fresh] = peers_.try_emplace(node, Peer{route, PeerCredit(max_inflight_bytes_, kMaxQueuedChunks)});
  if (place->second.route != route) {
    // A new connection starts from nothing: what the old one had asked for went with it.
    peers_.erase(place);
    place = peers_.try_emplace(node, Peer{route, PeerCredit(max_inflight_bytes_, kMaxQueuedChunks)}).first;
  }
  const Status queued =
      place->second.credit.OnRequest(request.generation, request.received, request.credit, request.hashes);
  if (!queued.ok()) Reply(route, ChunkError(request.generation, {}, queued));
}

BulkService::Step BulkService::SendNext(Peer& peer) {
  // Before the store is read: a peer without credit must cost nothing. The chunk's size is not known yet, so there must
  // be room for the largest; one chunk always may go.
  if (!peer.credit.MaySend(format::kMaxChunkSize)) return Step::kNoCredit;
  const Hash256 hash = peer.credit.Next();
  Result<std::string> bytes = store_.ReadChunk(hash);
  if (!bytes.ok()) {
    log::Error("update.chunk_unreadable", {{"chunk", hash.Short()}, {"error", bytes.status().ToString()}});
    Reply(peer.route, ChunkError(peer.credit.generation(), hash, bytes.status()));
    peer.credit.OnSent(0);
    return Step::kSent;
  }
  const uint64_t size = bytes->size();
  const ChunkReply reply{peer.credit.generation(), hash, std::move(*bytes)};
  switch (router_.Send({peer.route, EncodeMessage(reply)})) {
    case SendOutcome::kSent:
      peer.credit.OnSent(size);
      bytes_sent_ += size;
      return Step::kSent;
    case SendOutcome::kWouldBlock:
      return Step::kBlocked;
    case SendOutcome::kUnreachable:
    case SendOutcome::kFailed:
      break;
  }
  return Step::kGone;
}

BulkService::PumpResult BulkService::Pump() {
  PumpResult result = PumpResult::kIdle;
  size_t idle_in_a_row = 0;
  auto at = peers_.upper_bound(last_served_);
  for (int sent = 0; sent < kChunksPerPump && idle_in_a_row < peers_.size();) {
    if (at == peers_.end()) at = peers_.begin();
    const auto current = at++;
    ++idle_in_a_row;
    Peer& peer = current->second;
    if (!peer.credit.Wants()) continue;
    last_served_ = current->first;
    switch (SendNext(peer)) {
      case Step::kSent:
        ++sent;
        idle_in_a_row = 0;
        result = PumpResult::kMore;
        break;
      case Step::kNoCredit:
        break;
      case Step::kBlocked:
        if (result == PumpResult::kIdle) result = PumpResult::kBlocked;
        break;
      case Step::kGone:
        peers_.erase(current);
        break;
    }
  }
  return result;
}

}  // namespace perennial::transport
