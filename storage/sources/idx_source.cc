#include "storage/sources/idx_source.h"

#include <zlib.h>

#include <algorithm>
#include <filesystem>
#include <utility>
#include <vector>

#include "storage/media/image.h"
#include "storage/sources/names.h"

namespace perennial::sources {
namespace {

using format::Part;

// Both spellings that are about.
struct Names {
  std::string_view images, labels;
};
constexpr Names kNames[] = {{"-images-idx3-ubyte", "-labels-idx1-ubyte"}, {"-images.idx3-ubyte", "-labels.idx1-ubyte"}};
constexpr uint32_t kImagesMagic = 0x803;
constexpr uint32_t kLabelsMagic = 0x801;
constexpr uint64_t kMaxBytes = uint64_t{1} << 30;

// A whole file, unpacked when it is gzip.
Result<std::string> ReadUnpacked(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error))
    return NotFound(Quoted(path) + " does not exist", "idx files come in pairs");
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(path.c_str(), "rb"), gzclose);
  if (file == nullptr) return IoError("cannot open " + Quoted(path));
  std::string out, block(size_t{1} << 18, '\0');
  for (;;) {
    const int got = gzread(file.get(), block.data(), static_cast<unsigned>(block.size()));
    int code = Z_OK;
    const char* what = gzerror(file.get(), &code);
    if (got < 0 || (code != Z_OK && code != Z_STREAM_END)) {
      return Corruption(Quoted(path) + ": " + (what == nullptr ? "cannot be unpacked" : what));
    }
    if (got == 0) return out;
    out.append(block, 0, static_cast<size_t>(got));
    if (out.size() > kMaxBytes) return ResourceExhausted(Quoted(path) + " holds more than 1 GiB");
  }
}

uint32_t Big32(std::string_view bytes, size_t at) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<uint8_t>(bytes[at + i]);
  return value;
}

// Checks magic and size; the numbers behind the magic.
Result<std::vector<uint32_t>> ReadHead(const std::string& path, std::string_view bytes, uint32_t magic,
                                       size_t numbers) {
  const size_t head = 4 * (numbers + 1);
  if (bytes.size() < head || Big32(bytes, 0) != magic) return Corruption(Quoted(path) + " is not such an idx file");
  std::vector<uint32_t> sizes;
  uint64_t volume = 1;
  for (size_t i = 0; i < numbers; ++i) {
    sizes.push_back(Big32(bytes, 4 * (i + 1)));
    volume *= sizes.back();
    if (volume > kMaxBytes) return Corruption(Quoted(path) + " claims more than 1 GiB");
  }
  if (bytes.size() - head != volume) {
    return Corruption(Quoted(path) + " holds " + std::to_string(bytes.size() - head) + " bytes where its head says " +
                      std::to_string(volume));
  }
  return sizes;
}

class IdxSource final : public Source {
 public:
  IdxSource(std::string images, std::string labels, size_t rows, size_t columns, std::string name, Part part,
            std::string source)
      : images_(std::move(images)),
        labels_(std::move(labels)),
        rows_(rows),
        columns_(columns),
        name_(std::move(name)),
        part_(part),
        source_(std::move(source)) {}

  Result<std::optional<Item>> Next() override {
    if (8 + next_ == labels_.size()) return std::optional<Item>();
    const size_t index = next_++;
    const std::string id = name_ + "/" + std::to_string(index);
    return std::optional<Item>(Item{Make(index, id), id});
  }

  std::optional<uint64_t> Size() const override { return labels_.size() - 8; }

 private:
  Result<format::Sample> Make(size_t index, const std::string& id) const {
    media::Image picture{static_cast<int>(columns_), static_cast<int>(rows_), {}};
    const size_t size = rows_ * columns_;
    picture.pixels.reserve(3 * size);
    for (size_t i = 0; i < size; ++i) {
      picture.pixels.insert(picture.pixels.end(), 3, static_cast<uint8_t>(images_[16 + index * size + i]));
    }
    format::Sample sample;
    PERENNIAL_ASSIGN_OR_RETURN(sample.image, media::EncodePng(picture));
    sample.label = std::to_string(static_cast<uint8_t>(labels_[8 + index]));
    sample.id = id;
    sample.source = source_;
    sample.part = part_;
    return sample;
  }

  const std::string images_, labels_;
  const size_t rows_, columns_;
  const std::string name_;
  const Part part_;
  const std::string source_;
  size_t next_ = 0;
};

}  // namespace

std::optional<std::string> IdxLabelsName(std::string_view images_name) {
  for (const Names& names : kNames) {
    const size_t at = images_name.find(names.images);
    if (at == std::string_view::npos) continue;
    const std::string_view rest = images_name.substr(at + names.images.size());
    if (!rest.empty() && rest != ".gz") continue;
    return std::string(images_name.substr(0, at)) + std::string(names.labels) + std::string(rest);
  }
  return std::nullopt;
}

bool IsIdxTestPart(std::string_view images_name) {
  // "emnist-letters-test-images-idx3-ubyte": of the words before "images" the last that names a part.
  bool test = false;
  std::string_view rest = images_name.substr(0, images_name.find("-images"));
  while (!rest.empty()) {
    const size_t end = std::min(rest.find_first_of("-_"), rest.size());
    const std::string_view word = rest.substr(0, end);
    if (word.starts_with("t10k") || NamesTestPart(word)) test = true;
    if (NamesTrainPart(word)) test = false;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return test;
}

Result<std::unique_ptr<Source>> OpenIdx(const std::string& images_path, const std::string& labels_path,
                                        const std::string& name, Part part, const std::string& source) {
  PERENNIAL_ASSIGN_OR_RETURN(std::string images, ReadUnpacked(images_path));
  PERENNIAL_ASSIGN_OR_RETURN(std::string labels, ReadUnpacked(labels_path));
  PERENNIAL_ASSIGN_OR_RETURN(const auto shape, ReadHead(images_path, images, kImagesMagic, 3));
  PERENNIAL_ASSIGN_OR_RETURN(const auto count, ReadHead(labels_path, labels, kLabelsMagic, 1));
  if (shape[0] != count[0]) {
    return Corruption(Quoted(images_path) + " holds " + std::to_string(shape[0]) + " pictures and " +
                      Quoted(labels_path) + " " + std::to_string(count[0]) + " labels");
  }
  return std::unique_ptr<Source>(
      std::make_unique<IdxSource>(std::move(images), std::move(labels), shape[1], shape[2], name, part, source));
}

}  // namespace perennial::sources
