#include <cstring>
#include <string>

#include "storage/media/codec.h"
#include "storage/media/png_check.h"
#include "storage/media/png_error.h"

namespace perennial::media {
namespace {

constexpr std::string_view kSignature("\x89PNG\r\n\x1a\n", 8);
// Signature, chunk length and type, then the two sides of IHDR.
constexpr size_t kSidesAt = 16;
constexpr size_t kHeaderBytes = 33;

uint32_t BigEndian32(std::string_view bytes) {
  uint32_t value = 0;
  for (const char c : bytes.substr(0, 4)) value = value << 8 | static_cast<uint8_t>(c);
  return value;
}

// One decompression. Owned by the call that makes it.
struct Decoder {
  std::string_view rest;  // not yet read by libpng
  PngErrors errors;
  png_structp png = nullptr;
  png_infop info = nullptr;
  ~Decoder() { png_destroy_read_struct(&png, &info, nullptr); }
};

void ReadBytes(png_structp png, png_bytep out, size_t size) {
  auto* rest = static_cast<std::string_view*>(png_get_io_ptr(png));
  if (rest->size() < size) png_error(png, "the file ends early");
  std::memcpy(out, rest->data(), size);
  rest->remove_prefix(size);
}

// Header read and the transforms to 8-bit RGB set. False: errors.message says why.
bool Begin(Decoder& decoder, const DecodeLimits& limits) {
  if (setjmp(png_jmpbuf(decoder.png)) != 0) return false;
  png_set_read_fn(decoder.png, &decoder.rest, ReadBytes);
  const auto max_side = static_cast<png_uint_32>(limits.max_side);
  png_set_user_limits(decoder.png, max_side, max_side);
  // Damage is an error everywhere, also in chunks we do not use; and those (profiles, texts) are skipped without being
  // unpacked, which disarms bombs in them and faults of theirs that do not concern the pixels.
  png_set_crc_action(decoder.png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
  png_set_benign_errors(decoder.png, 0);
  png_set_keep_unknown_chunks(decoder.png, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
  png_read_info(decoder.png, decoder.info);
  png_set_expand(decoder.png);
  png_set_scale_16(decoder.png);
  png_set_gray_to_rgb(decoder.png);
  png_set_strip_alpha(decoder.png);
  return true;
}

// Reads all rows; with `stride` 0 every row overwrites the one before and nothing of the picture is kept.
bool ReadRows(Decoder& decoder, uint8_t* pixels, size_t stride, png_uint_32 height) {
  if (setjmp(png_jmpbuf(decoder.png)) != 0) return false;
  const int passes = png_set_interlace_handling(decoder.png);
  png_start_read_image(decoder.png);
  for (int pass = 0; pass < passes; ++pass) {
    for (png_uint_32 y = 0; y < height; ++y) png_read_row(decoder.png, pixels + stride * y, nullptr);
  }
  png_read_end(decoder.png, nullptr);
  return true;
}

Status Damaged(const Decoder& decoder) {
  return InvalidArgument(std::string("png: ") + decoder.errors.message,
                         "the file is damaged or cut short; send it anew");
}

Status Open(Decoder& decoder, std::string_view bytes, const DecodeLimits& limits) {
  decoder.rest = bytes;
  decoder.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &decoder.errors, OnPngError, OnPngWarning);
  if (decoder.png == nullptr) return ResourceExhausted("png: no memory for a decoder");
  decoder.info = png_create_info_struct(decoder.png);
  if (decoder.info == nullptr) return ResourceExhausted("png: no memory for a decoder");
  return Begin(decoder, limits) ? Status::Ok() : Damaged(decoder);
}

}  // namespace

bool LooksLikePng(std::string_view bytes) { return bytes.substr(0, kSignature.size()) == kSignature; }

Result<ImageInfo> ProbePng(std::string_view bytes, const DecodeLimits& limits) {
  if (bytes.size() < kHeaderBytes || bytes.substr(8, 8) != std::string_view("\0\0\0\rIHDR", 8)) {
    return InvalidArgument("png: the header is damaged or cut short", "send the file anew");
  }
  const uint32_t width = BigEndian32(bytes.substr(kSidesAt));
  const uint32_t height = BigEndian32(bytes.substr(kSidesAt + 4));
  PERENNIAL_RETURN_IF_ERROR(CheckSize(width, height, limits));
  return ImageInfo{ImageFormat::kPng, static_cast<int>(width), static_cast<int>(height)};
}

Result<Image> DecodePng(std::string_view bytes, const DecodeLimits& limits) {
  PERENNIAL_ASSIGN_OR_RETURN(const ImageInfo info, ProbePng(bytes, limits));
  Decoder decoder;
  PERENNIAL_RETURN_IF_ERROR(Open(decoder, bytes, limits));
  Image image;
  image.width = info.width;
  image.height = info.height;
  const size_t stride = static_cast<size_t>(info.width) * 3;
  image.pixels.resize(stride * static_cast<size_t>(info.height));
  if (!ReadRows(decoder, image.pixels.data(), stride, static_cast<png_uint_32>(info.height))) return Damaged(decoder);
  return image;
}

Status ValidatePng(std::string_view bytes, const DecodeLimits& limits) {
  PERENNIAL_ASSIGN_OR_RETURN(const ImageInfo info, ProbePng(bytes, limits));
  if (IsSurelyGoodPng(bytes)) return Status::Ok();
  Decoder decoder;
  PERENNIAL_RETURN_IF_ERROR(Open(decoder, bytes, limits));
  std::vector<uint8_t> row(static_cast<size_t>(info.width) * 3);
  if (!ReadRows(decoder, row.data(), 0, static_cast<png_uint_32>(info.height))) return Damaged(decoder);
  return Status::Ok();
}

}  // namespace perennial::media
