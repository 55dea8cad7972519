#include "storage/format/compress.h"
#include "updater/codecs.h"

namespace perennial::updater {
namespace {

// Codes are nearly incompressible beyond their order-0 entropy, which the lowest levels reach too.
constexpr int kLevel = 3;

// zstd over EncodeVersionImage, which groups codes and floats by kind.
class SnapshotZstdCodec final : public Codec {
 public:
  uint32_t id() const override { return kCodecSnapshotZstd; }
  std::string_view name() const override { return "snapshot-zstd"; }
  format::ObjectKind kind() const override { return format::ObjectKind::kSnapshot; }

  Result<std::string> Encode(const format::VersionImage*, const format::VersionImage& target) const override {
    return format::ZstdCompress(format::EncodeVersionImage(target), kLevel);
  }

  Result<format::VersionImage> Decode(const format::VersionImage*, std::string_view bytes,
                                      uint64_t max_bytes) const override {
    PERENNIAL_ASSIGN_OR_RETURN(const std::string payload, format::ZstdDecompress(bytes, max_bytes));
    return format::DecodeVersionImage(payload);
  }
};

}  // namespace

const Codec& SnapshotZstd() {
  static const SnapshotZstdCodec codec;
  return codec;
}

}  // namespace perennial::updater
