#include "storage/media/packed_pixels.h"

#include <zlib.h>

#include <cstdlib>
#include <vector>

#include "storage/base/bytes.h"
#include "storage/media/codec.h"

namespace perennial::media {
namespace {

enum Coding : uint8_t { kPlain = 0, kDeflated = 1, kPredicted = 2 };
constexpr int kNoHeader = -MAX_WBITS;  // a raw stream: the six bytes of a zlib frame are much beside 180

// Compressor and decompressor of this thread: making one costs more than a small picture.
class Deflater {
 public:
  Deflater() {
    ready_ = deflateInit2(&stream_, Z_BEST_COMPRESSION, Z_DEFLATED, kNoHeader, 9, Z_DEFAULT_STRATEGY) == Z_OK;
  }
  ~Deflater() {
    if (ready_) deflateEnd(&stream_);
  }
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;
  // Empty when it does not get smaller.
  std::string Run(std::string_view bytes) {
    std::string out(bytes.size(), '\0');
    if (!ready_ || deflateReset(&stream_) != Z_OK) return {};
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));  // only read
    stream_.avail_in = static_cast<uInt>(bytes.size());
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(out.size());
    if (deflate(&stream_, Z_FINISH) != Z_STREAM_END) return {};
    out.resize(out.size() - stream_.avail_out);
    return out;
  }

 private:
  z_stream stream_{};
  bool ready_ = false;
};

class Inflater {
 public:
  Inflater() { ready_ = inflateInit2(&stream_, kNoHeader) == Z_OK; }
  ~Inflater() {
    if (ready_) inflateEnd(&stream_);
  }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  // True when `bytes` is one whole stream of exactly `out`'s length.
  bool Run(std::string_view bytes, std::vector<uint8_t>& out) {
    if (!ready_ || inflateReset(&stream_) != Z_OK) return false;
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream_.avail_in = static_cast<uInt>(bytes.size());
    stream_.next_out = out.data();
    stream_.avail_out = static_cast<uInt>(out.size());
    return inflate(&stream_, Z_FINISH) == Z_STREAM_END && stream_.avail_in == 0 && stream_.avail_out == 0;
  }

 private:
  z_stream stream_{};
  bool ready_ = false;
};

// A compressor keeps 256 KiB, so one that is not used should not exist.
Deflater& ThreadsDeflater() {
  thread_local Deflater deflater;
  return deflater;
}
Inflater& ThreadsInflater() {
  thread_local Inflater inflater;
  return inflater;
}

uint8_t Paeth(int left, int up, int corner) {
  const int guess = left + up - corner;
  const int to_left = std::abs(guess - left), to_up = std::abs(guess - up), to_corner = std::abs(guess - corner);
  if (to_left <= to_up && to_left <= to_corner) return static_cast<uint8_t>(left);
  return static_cast<uint8_t>(to_up <= to_corner ? up : corner);
}

// What is predicted of sample `i` from those before it; samples beyond the left and upper edge are zero.
uint8_t Predict(const uint8_t* samples, size_t i, size_t row, size_t channels) {
  const bool has_left = i % row >= channels;
  const bool has_up = i >= row;
  return Paeth(has_left ? samples[i - channels] : 0, has_up ? samples[i - row] : 0,
               has_left && has_up ? samples[i - row - channels] : 0);
}

std::string Differences(std::string_view samples, size_t row, size_t channels) {
  const auto* in = reinterpret_cast<const uint8_t*>(samples.data());
  std::string out(samples.size(), '\0');
  for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<char>(in[i] - Predict(in, i, row, channels));
  return out;
}

bool IsGrey(const Image& image) {
  for (size_t i = 0; i < image.pixels.size(); i += 3) {
    if (image.pixels[i] != image.pixels[i + 1] || image.pixels[i] != image.pixels[i + 2]) return false;
  }
  return true;
}

}  // namespace

Result<std::string> PackPixels(const Image& image, bool deflate) {
  PERENNIAL_RETURN_IF_ERROR(CheckImage(image));
  const bool grey = IsGrey(image);
  const size_t channels = grey ? 1 : 3;
  std::string samples;
  samples.reserve(image.pixels.size() / (grey ? 3 : 1));
  for (size_t i = 0; i < image.pixels.size(); i += grey ? 3 : 1) samples.push_back(static_cast<char>(image.pixels[i]));
  Coding coding = kPlain;
  if (deflate) {
    const std::string differences = Differences(samples, static_cast<size_t>(image.width) * channels, channels);
    std::string deflated = ThreadsDeflater().Run(samples);
    std::string predicted = ThreadsDeflater().Run(differences);
    if (!predicted.empty() && (deflated.empty() || predicted.size() < deflated.size())) {
      coding = kPredicted;
      samples = std::move(predicted);
    } else if (!deflated.empty()) {
      coding = kDeflated;
      samples = std::move(deflated);
    }
  }
  ByteWriter out;
  out.U8(static_cast<uint8_t>((grey ? 1 : 0) | coding << 1));
  out.Varint(static_cast<uint64_t>(image.width));
  out.Varint(static_cast<uint64_t>(image.height));
  out.Raw(samples);
  return out.Take();
}

Result<Image> UnpackPixels(std::string_view bytes, const DecodeLimits& limits) {
  ByteReader in(bytes);
  const uint8_t kind = in.U8();
  const uint64_t width = in.Varint();
  const uint64_t height = in.Varint();
  const int coding = kind >> 1;
  if (!in.ok() || coding > kPredicted || width == 0 || height == 0 || width > INT32_MAX || height > INT32_MAX) {
    return Corruption("packed pixels: malformed head");
  }
  PERENNIAL_RETURN_IF_ERROR(CheckSize(static_cast<int64_t>(width), static_cast<int64_t>(height), limits));
  const size_t channels = (kind & 1) != 0 ? 1 : 3;
  const size_t count = width * height * channels;
  const std::string_view rest = in.Raw(in.remaining());
  if (coding == kPlain && rest.size() != count) return Corruption("packed pixels: wrong length");
  std::vector<uint8_t> samples(count);
  if (coding == kPlain) {
    samples.assign(rest.begin(), rest.end());
  } else if (!ThreadsInflater().Run(rest, samples)) {
    return Corruption("packed pixels: damaged stream");
  }
  if (coding == kPredicted) {
    for (size_t i = 0; i < count; ++i) {
      samples[i] = static_cast<uint8_t>(samples[i] + Predict(samples.data(), i, width * channels, channels));
    }
  }
  Image image{static_cast<int>(width), static_cast<int>(height), {}};
  if (channels == 3) {
    image.pixels = std::move(samples);
    return image;
  }
  image.pixels.resize(count * 3);
  for (size_t i = 0; i < count; ++i) {
    image.pixels[3 * i] = image.pixels[3 * i + 1] = image.pixels[3 * i + 2] = samples[i];
  }
  return image;
}

}  // namespace perennial::media
