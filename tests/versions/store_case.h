#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "storage/base/env.h"
#include "storage/base/rng.h"
#include "storage/versions/version_store.h"

namespace perennial::versions {

inline std::string RandomChunk(Rng& rng, size_t size) {
  std::string chunk(size, '\0');
  for (char& c : chunk) c = static_cast<char>(rng.Below(256));
  return chunk;
}

// A version of one snapshot made of the given chunks (all but the last of one size). The store checks no signature, so
// its one signature is a filler.
inline format::SignedManifest MakeVersion(uint64_t version, const std::vector<std::string>& chunks) {
  format::Manifest manifest;
  manifest.model_id = "default";
  manifest.version = VersionId{version};
  manifest.target_root = Sha256("root " + std::to_string(version));
  manifest.report_hash = Sha256("{}");
  format::ObjectRef object;
  object.codec = 1;
  object.chunk_size = static_cast<uint32_t>(chunks[0].size());
  object.decoded_bytes = 1;
  for (const std::string& chunk : chunks) {
    object.bytes += chunk.size();
    object.chunks.push_back(Sha256(chunk));
  }
  manifest.objects.push_back(object);
  return {manifest.Encode(), {{"KEYID001", std::string(64, 's')}}};
}

// One of the two stores behind the version store; Reopen shows what is durable.
class StoreCase {
 public:
  virtual ~StoreCase() = default;
  virtual kv::KvStore& kv() = 0;
  virtual void ReopenKv() = 0;
};

class MemoryCase final : public StoreCase {
 public:
  kv::KvStore& kv() override { return *kv_; }
  void ReopenKv() override {}

 private:
  std::unique_ptr<kv::KvStore> kv_ = kv::OpenMemory(VersionStore::Families());
};

class RocksCase final : public StoreCase {
 public:
  RocksCase() : folder_(std::move(*TemporaryFolder::Make("versions"))) { Open(); }
  kv::KvStore& kv() override { return *kv_; }
  void ReopenKv() override {
    kv_.reset();
    Open();
  }

 private:
  void Open() {
    kv::KvOptions options;
    options.path = folder_.path();
    options.families = VersionStore::Families();
    Result<std::unique_ptr<kv::KvStore>> opened = kv::OpenRocks(options);
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    kv_ = std::move(*opened);
  }
  TemporaryFolder folder_;
  std::unique_ptr<kv::KvStore> kv_;
};

}  // namespace perennial::versions
