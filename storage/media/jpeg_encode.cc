#include <cstdlib>
#include <string>

#include "storage/media/codec.h"
#include "storage/media/jpeg_error.h"

namespace perennial::media {
namespace {

struct Encoder {
  jpeg_compress_struct codec;
  JpegErrors errors;
  unsigned char* bytes = nullptr;  // malloc'ed by libjpeg
  unsigned long size = 0;
};

bool WriteRows(Encoder& encoder, const uint8_t* pixels, JDIMENSION width, JDIMENSION height, int quality) {
  encoder.codec.err = encoder.errors.Install();
  encoder.codec.mem = nullptr;
  if (setjmp(encoder.errors.escape) != 0) return false;
  jpeg_create_compress(&encoder.codec);
  jpeg_mem_dest(&encoder.codec, &encoder.bytes, &encoder.size);
  encoder.codec.image_width = width;
  encoder.codec.image_height = height;
  encoder.codec.input_components = 3;
  encoder.codec.in_color_space = JCS_RGB;
  jpeg_set_defaults(&encoder.codec);
  jpeg_set_quality(&encoder.codec, quality, TRUE);
  encoder.codec.dct_method = JDCT_ISLOW;
  jpeg_start_compress(&encoder.codec, TRUE);
  while (encoder.codec.next_scanline < height) {
    // libjpeg takes rows without const but only reads them.
    auto* row = const_cast<JSAMPLE*>(pixels + static_cast<size_t>(width) * 3 * encoder.codec.next_scanline);
    jpeg_write_scanlines(&encoder.codec, &row, 1);
  }
  jpeg_finish_compress(&encoder.codec);
  return true;
}

}  // namespace

Result<std::string> EncodeJpeg(const Image& image, int quality) {
  PERENNIAL_RETURN_IF_ERROR(CheckImage(image));
  if (quality < 1 || quality > 100) return InvalidArgument("jpeg: quality must be from 1 to 100");
  Encoder encoder;
  const bool written = WriteRows(encoder, image.pixels.data(), static_cast<JDIMENSION>(image.width),
                                 static_cast<JDIMENSION>(image.height), quality);
  std::string bytes;
  if (written) bytes.assign(reinterpret_cast<const char*>(encoder.bytes), encoder.size);
  jpeg_destroy_compress(&encoder.codec);
  std::free(encoder.bytes);
  if (!written) return InvalidArgument(std::string("jpeg: ") + encoder.errors.message);
  return bytes;
}

}  // namespace perennial::media
