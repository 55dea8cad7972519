#include <algorithm>
#include <string>

#include "storage/media/codec.h"
#include "storage/media/jpeg_error.h"

namespace perennial::media {
namespace {

// A progressive file may hold any number of scans, each as dear as the picture: a 20 KB file can ask for minutes.
constexpr int kMaxScans = 100;

// One decompression: made per picture, since a reused object would keep the tables of the picture before and decode a
// file that lacks its own with them.
struct Decoder {
  jpeg_decompress_struct codec;
  JpegErrors errors;
  jpeg_progress_mgr progress;
};

void LimitScans(j_common_ptr codec) {
  const auto* decompress = reinterpret_cast<j_decompress_ptr>(codec);
  if (decompress->input_scan_number <= kMaxScans) return;
  auto* errors = reinterpret_cast<JpegErrors*>(codec->err);
  std::snprintf(errors->message, sizeof(errors->message), "more than %d scans", kMaxScans);
  std::longjmp(errors->escape, 1);
}

// Creates the codec on `bytes` and reads the header. False: errors.message says why.
bool Begin(Decoder& decoder, std::string_view bytes) {
  decoder.codec.err = decoder.errors.Install();
  // jpeg_create_decompress zeroes the rest; before it a failure must leave something that can be destroyed.
  decoder.codec.mem = nullptr;
  if (setjmp(decoder.errors.escape) != 0) return false;
  jpeg_create_decompress(&decoder.codec);
  decoder.progress.progress_monitor = LimitScans;
  decoder.codec.progress = &decoder.progress;
  jpeg_mem_src(&decoder.codec, reinterpret_cast<const unsigned char*>(bytes.data()),
               static_cast<unsigned long>(bytes.size()));
  jpeg_read_header(&decoder.codec, TRUE);
  return true;
}

// Decodes all rows to RGB into `pixels` (width * 3 bytes a row).
bool ReadRows(Decoder& decoder, uint8_t* pixels) {
  if (setjmp(decoder.errors.escape) != 0) return false;
  decoder.codec.out_color_space = JCS_RGB;
  decoder.codec.dct_method = JDCT_ISLOW;  // bit-exact on every processor
  jpeg_start_decompress(&decoder.codec);
  const size_t stride = static_cast<size_t>(decoder.codec.output_width) * 3;
  while (decoder.codec.output_scanline < decoder.codec.output_height) {
    JSAMPROW row = pixels + stride * decoder.codec.output_scanline;
    jpeg_read_scanlines(&decoder.codec, &row, 1);
  }
  jpeg_finish_decompress(&decoder.codec);
  return true;
}

// Entropy-decodes everything but makes an eighth of the picture in the file's own colours, a row at a time: no full
// inverse transform, upsampling or colour conversion. `row` holds (max_side / 8 + 1) * 3 bytes.
bool SkimRows(Decoder& decoder, uint8_t* row) {
  if (setjmp(decoder.errors.escape) != 0) return false;
  decoder.codec.out_color_space = decoder.codec.jpeg_color_space;
  decoder.codec.scale_num = 1;
  decoder.codec.scale_denom = 8;
  decoder.codec.do_fancy_upsampling = FALSE;
  decoder.codec.do_block_smoothing = FALSE;
  jpeg_start_decompress(&decoder.codec);
  while (decoder.codec.output_scanline < decoder.codec.output_height) {
    jpeg_read_scanlines(&decoder.codec, &row, 1);
  }
  jpeg_finish_decompress(&decoder.codec);
  return true;
}

Status Damaged(const Decoder& decoder) {
  return InvalidArgument(std::string("jpeg: ") + decoder.errors.message,
                         "the file is damaged or cut short; send it anew");
}

// Header read, colours and size acceptable; nothing large allocated yet.
Status Open(Decoder& decoder, std::string_view bytes, const DecodeLimits& limits) {
  if (!Begin(decoder, bytes)) return Damaged(decoder);
  switch (decoder.codec.jpeg_color_space) {
    case JCS_GRAYSCALE:
    case JCS_YCbCr:
    case JCS_RGB:
      break;
    case JCS_CMYK:
    case JCS_YCCK:
      return InvalidArgument("jpeg: CMYK colours are not supported", "convert it to RGB");
    default:
      return InvalidArgument(
          "jpeg: unknown colours with " + std::to_string(decoder.codec.num_components) + " components",
          "convert it to RGB");
  }
  return CheckSize(decoder.codec.image_width, decoder.codec.image_height, limits);
}

// Destroys the codec at the end of the caller's scope, on every path.
class Closer {
 public:
  explicit Closer(Decoder& decoder) : decoder_(decoder) {}
  ~Closer() { jpeg_destroy_decompress(&decoder_.codec); }
  Closer(const Closer&) = delete;
  Closer& operator=(const Closer&) = delete;

 private:
  Decoder& decoder_;
};

}  // namespace

bool LooksLikeJpeg(std::string_view bytes) { return bytes.substr(0, 3) == "\xff\xd8\xff"; }

Result<ImageInfo> ProbeJpeg(std::string_view bytes, const DecodeLimits& limits) {
  Decoder decoder;
  const Closer closer(decoder);
  PERENNIAL_RETURN_IF_ERROR(Open(decoder, bytes, limits));
  return ImageInfo{ImageFormat::kJpeg, static_cast<int>(decoder.codec.image_width),
                   static_cast<int>(decoder.codec.image_height)};
}

Result<Image> DecodeJpeg(std::string_view bytes, const DecodeLimits& limits) {
  Decoder decoder;
  const Closer closer(decoder);
  PERENNIAL_RETURN_IF_ERROR(Open(decoder, bytes, limits));
  Image image;
  image.width = static_cast<int>(decoder.codec.image_width);
  image.height = static_cast<int>(decoder.codec.image_height);
  image.pixels.resize(static_cast<size_t>(image.width) * static_cast<size_t>(image.height) * 3);
  if (!ReadRows(decoder, image.pixels.data())) return Damaged(decoder);
  return image;
}

Status ValidateJpeg(std::string_view bytes, const DecodeLimits& limits) {
  Decoder decoder;
  const Closer closer(decoder);
  PERENNIAL_RETURN_IF_ERROR(Open(decoder, bytes, limits));
  std::vector<uint8_t> row((static_cast<size_t>(decoder.codec.image_width) / 8 + 1) * 3);
  if (!SkimRows(decoder, row.data())) return Damaged(decoder);
  return Status::Ok();
}

}  // namespace perennial::media
