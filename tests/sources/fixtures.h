#pragma once

#include <gtest/gtest.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "storage/base/env.h"
#include "storage/media/image.h"
#include "storage/sources/source.h"

namespace perennial::sources {

inline std::string Png(uint8_t grey, int side = 4) {
  const size_t bytes = static_cast<size_t>(side) * static_cast<size_t>(side) * 3;
  return *media::EncodePng({side, side, std::vector<uint8_t>(bytes, grey)});
}

// A folder of data that goes with the test.
class Data {
 public:
  Data() : folder_(*TemporaryFolder::Make("sources")) {}
  const std::string& path() const { return folder_.path(); }
  std::string Write(const std::string& name, const std::string& bytes) const {
    const std::filesystem::path path = std::filesystem::path(folder_.path()) / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << bytes;
    return path.string();
  }

 private:
  TemporaryFolder folder_;
};

// One USTAR member; `type` '0' is a file, '2' a symbolic link to `link`.
inline std::string TarMember(const std::string& name, const std::string& bytes, char type = '0',
                             const std::string& link = "") {
  std::string header(512, '\0');
  const auto put = [&](size_t at, const std::string& text) { header.replace(at, text.size(), text); };
  char size[12];
  std::snprintf(size, sizeof(size), "%011zo", bytes.size());
  put(0, name);
  put(100, "0000644");
  put(124, size);
  put(136, "00000000000");
  put(148, "        ");
  header[156] = type;
  put(157, link);
  put(257, std::string("ustar\00000", 8));
  unsigned sum = 0;
  for (const char c : header) sum += static_cast<uint8_t>(c);
  char text[8];
  std::snprintf(text, sizeof(text), "%06o", sum);
  put(148, std::string(text, 7) + " ");
  return header + bytes + std::string((512 - bytes.size() % 512) % 512, '\0');
}
inline std::string TarEnd() { return std::string(1024, '\0'); }

inline std::string Gzip(const std::string& bytes) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, static_cast<uLong>(bytes.size())) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

// Everything a path yields; fails the test when it does not open or does not end.
inline std::vector<Item> ReadAll(const std::string& path, const SourceOptions& options = {}) {
  std::vector<Item> items;
  auto source = OpenSource(path, options);
  EXPECT_TRUE(source.ok()) << source.status().ToString();
  if (!source.ok()) return items;
  while (items.size() < 1'000'000) {
    auto item = (*source)->Next();
    EXPECT_TRUE(item.ok()) << item.status().ToString();
    if (!item.ok() || !item->has_value()) break;
    items.push_back(std::move(**item));
  }
  return items;
}

// "text|label|slice|part" of each good item, "!code" of each bad one.
inline std::vector<std::string> Summary(const std::vector<Item>& items) {
  std::vector<std::string> lines;
  for (const Item& item : items) {
    if (!item.sample.ok()) {
      lines.push_back("!" + std::string(CodeName(item.sample.status().code())));
      continue;
    }
    const format::Sample& s = *item.sample;
    lines.push_back(s.text + "|" + s.label.value_or("-") + "|" + s.slice + "|" +
                    (s.part == format::Part::kTest ? "test" : "train"));
  }
  return lines;
}

}  // namespace perennial::sources
