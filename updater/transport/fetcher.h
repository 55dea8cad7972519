#pragma once

#include <cstdint>
#include <functional>

#include "storage/base/clock.h"
#include "storage/format/manifest.h"
#include "storage/versions/version_store.h"
#include "updater/transport/bulk_link.h"

namespace perennial::transport {

struct FetchLimits {
  Duration request_timeout = std::chrono::seconds(5);  // without a new chunk; then reconnect and ask again
  uint64_t credit_bytes = 2'000'000;
  int patience = 4;  // request timeouts in a row before the attempt fails
};

// Gets manifests and chunks over the link. A chunk goes into the store as it comes, so whatever interrupts a download,
// nothing is downloaded twice. Confined to the loader thread.
class Fetcher {
 public:
  // `go_on` is asked at every HEAD change; not ok ends the fetch with that status. `on_bytes` hears of every chunk
  // stored. `generation` grows over the life of the process and is shared by all its fetchers: answers to an older
  // request are told from those to this one, and the hub takes a greater one for a new start.
  Fetcher(BulkLink& link, versions::VersionStore& store, FetchLimits limits, uint64_t& generation,
          std::function<Status()> go_on, std::function<void(uint64_t)> on_bytes)
      : link_(link),
        store_(store),
        limits_(limits),
        generation_(generation),
        go_on_(std::move(go_on)),
        on_bytes_(std::move(on_bytes)) {}

  // format::SignedManifest's bytes, unverified. kNotFound when the hub has none, kUnavailable when it does not answer.
  Result<std::string> Manifest(VersionId version);
  // After ok every chunk of the object is in the store. kCorruption when the hub cannot read a chunk or sends other
  // bytes again and again; kUnavailable when it does not answer; kCancelled when `go_on` or the end of the program says
  // so.
  Status Object(const format::ObjectRef& object);

 private:
  struct Download;
  Status Step(Download& download, const LinkEvent& event);
  Status OnChunk(Download& download, const ChunkReply& chunk);
  void Request(Download& download);
  void Restart(Download& download);

  BulkLink& link_;
  versions::VersionStore& store_;
  const FetchLimits limits_;
  uint64_t& generation_;
  const std::function<Status()> go_on_;
  const std::function<void(uint64_t)> on_bytes_;
};

}  // namespace perennial::transport
