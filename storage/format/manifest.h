#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/hash.h"
#include "storage/base/ids.h"
#include "storage/base/status.h"

namespace perennial::format {

// How the bytes of an object turn into a VersionImage.
enum class ObjectKind : uint8_t {
  kSnapshot = 0,  // needs nothing
  kDelta = 1,     // needs the base version, checked by its root
};

// One downloadable object of a version, cut into chunks named by their SHA-256.
struct ObjectRef {
  ObjectKind kind = ObjectKind::kSnapshot;
  VersionId base;               // kDelta: version it applies to; else 0
  Hash256 base_root;            // kDelta: VersionImage::Root() of the base; else zero
  uint32_t codec = 0;           // updater/codec.h: kCodecSnapshotZstd, kCodecDeltaRange, ...
  uint64_t bytes = 0;           // sum of the chunk sizes
  uint64_t decoded_bytes = 0;   // cap on memory while decoding
  std::vector<Hash256> chunks;  // in order
  uint32_t chunk_size = 0;      // every chunk but the last has this size

  friend bool operator==(const ObjectRef&, const ObjectRef&) = default;
};

// What a version is and how to get it. The signature covers Encode()'s bytes. Value type.
struct Manifest {
  std::string model_id;  // "default" unless a hub serves several models
  VersionId version;     // strictly increasing, never reused
  VersionId parent;      // version it was trained from; 0 for the first
  Hash256 architecture;  // ModelSpec::ArchitectureHash()
  Hash256 target_root;   // VersionImage::Root() that every object must decode to
  uint64_t scale_set = 0;
  uint64_t trained_until = 0;  // log offset, exclusive
  Hash256 report_hash;         // SHA-256 of the evaluation report (JSON)
  uint64_t fp32_bytes = 0;
  uint32_t minimum_runtime = 1;  // oldest edge runtime that can serve it
  int64_t created_us = 0;
  int64_t expires_us = 0;          // refuse to install after; 0: never
  std::vector<ObjectRef> objects;  // at least one snapshot

  friend bool operator==(const Manifest&, const Manifest&) = default;

  // Canonical, length-capped binary (storage/format/manifest.md): equal manifests give equal bytes.
  std::string Encode() const;
  // Rejects what Encode would not have produced: unknown format version, unsorted or excess parts, trailing bytes.
  static Result<Manifest> Decode(std::string_view bytes);
  Status Validate() const;
};

// Caps that hold before any allocation.
inline constexpr size_t kMaxManifestBytes = 1u << 20;
inline constexpr size_t kMaxObjects = 64;
inline constexpr size_t kMaxChunksPerObject = 16384;
inline constexpr uint32_t kMaxChunkSize = 256u << 10;

// A manifest's exact bytes and the signatures over them (verified by updater/trust).
struct SignedManifest {
  std::string bytes;  // Manifest::Encode()
  struct Signature {
    std::string key_id;     // 8 bytes
    std::string signature;  // 64 bytes, Ed25519 over "perennial manifest v1\0" + bytes
    friend bool operator==(const Signature&, const Signature&) = default;
  };
  std::vector<Signature> signatures;  // at most 16

  friend bool operator==(const SignedManifest&, const SignedManifest&) = default;
  Hash256 Hash() const { return Sha256(bytes); }
  std::string Encode() const;
  static Result<SignedManifest> Decode(std::string_view bytes);
};

}  // namespace perennial::format
