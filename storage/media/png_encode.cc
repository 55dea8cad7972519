#include <string>

#include "storage/media/codec.h"
#include "storage/media/png_error.h"

namespace perennial::media {
namespace {

struct Encoder {
  std::string bytes;
  PngErrors errors;
  png_structp png = nullptr;
  png_infop info = nullptr;
  ~Encoder() { png_destroy_write_struct(&png, &info); }
};

void WriteBytes(png_structp png, png_bytep data, size_t size) {
  static_cast<std::string*>(png_get_io_ptr(png))->append(reinterpret_cast<const char*>(data), size);
}

void Flush(png_structp) {}

bool WriteRows(Encoder& encoder, const uint8_t* pixels, png_uint_32 width, png_uint_32 height) {
  if (setjmp(png_jmpbuf(encoder.png)) != 0) return false;
  png_set_write_fn(encoder.png, &encoder.bytes, WriteBytes, Flush);
  png_set_IHDR(encoder.png, encoder.info, width, height, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info(encoder.png, encoder.info);
  for (png_uint_32 y = 0; y < height; ++y) png_write_row(encoder.png, pixels + static_cast<size_t>(width) * 3 * y);
  png_write_end(encoder.png, nullptr);
  return true;
}

}  // namespace

Result<std::string> EncodePng(const Image& image) {
  PERENNIAL_RETURN_IF_ERROR(CheckImage(image));
  Encoder encoder;
  encoder.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &encoder.errors, OnPngError, OnPngWarning);
  if (encoder.png != nullptr) encoder.info = png_create_info_struct(encoder.png);
  if (encoder.info == nullptr) return ResourceExhausted("png: no memory for an encoder");
  if (!WriteRows(encoder, image.pixels.data(), static_cast<png_uint_32>(image.width),
                 static_cast<png_uint_32>(image.height))) {
    return InvalidArgument(std::string("png: ") + encoder.errors.message);
  }
  return std::move(encoder.bytes);
}

}  // namespace perennial::media
