#include "storage/format/compress.h"

#include <zstd.h>

#include <memory>

namespace perennial::format {
namespace {

using Compressor = std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)>;
using Decompressor = std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)>;

}  // namespace

Result<std::string> ZstdCompress(std::string_view bytes, int level, std::string_view prefix) {
  if (level < 1 || level > 19) return InvalidArgument("zstd level " + std::to_string(level) + " is not in 1..19");
  const Compressor context(ZSTD_createCCtx(), &ZSTD_freeCCtx);
  if (!context) return ResourceExhausted("zstd: no memory to compress");
  (void)ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, level);
  (void)ZSTD_CCtx_refPrefix(context.get(), prefix.data(), prefix.size());
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  const size_t size = ZSTD_compress2(context.get(), out.data(), out.size(), bytes.data(), bytes.size());
  if (ZSTD_isError(size)) return Internal(std::string("zstd: ") + ZSTD_getErrorName(size));
  out.resize(size);
  return out;
}

Result<std::string> ZstdDecompress(std::string_view bytes, size_t max_bytes, std::string_view prefix) {
  const unsigned long long claimed = ZSTD_getFrameContentSize(bytes.data(), bytes.size());
  if (claimed == ZSTD_CONTENTSIZE_ERROR || claimed == ZSTD_CONTENTSIZE_UNKNOWN) {
    return Corruption("zstd: not a frame with a stated size");
  }
  if (claimed > max_bytes) {
    return ResourceExhausted("zstd: the frame claims " + std::to_string(claimed) + " bytes, the cap is " +
                             std::to_string(max_bytes));
  }
  const size_t frame = ZSTD_findFrameCompressedSize(bytes.data(), bytes.size());
  if (ZSTD_isError(frame)) return Corruption(std::string("zstd: ") + ZSTD_getErrorName(frame));
  if (frame != bytes.size()) return Corruption("zstd: bytes after the frame");
  const Decompressor context(ZSTD_createDCtx(), &ZSTD_freeDCtx);
  if (!context) return ResourceExhausted("zstd: no memory to decompress");
  (void)ZSTD_DCtx_refPrefix(context.get(), prefix.data(), prefix.size());
  std::string out(static_cast<size_t>(claimed), '\0');
  const size_t size = ZSTD_decompressDCtx(context.get(), out.data(), out.size(), bytes.data(), bytes.size());
  if (ZSTD_isError(size)) return Corruption(std::string("zstd: ") + ZSTD_getErrorName(size));
  if (size != out.size()) return Corruption("zstd: the frame holds fewer bytes than it claims");
  return out;
}

}  // namespace perennial::format
