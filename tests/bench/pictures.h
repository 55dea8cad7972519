#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "api/bench/continual_data.h"
#include "storage/base/env.h"
#include "storage/base/rng.h"
#include "storage/media/image.h"

namespace perennial::bench {

// A picture of one colour with noise: the class is easy to see.
inline std::string Picture(int width, int height, uint8_t r, uint8_t g, uint8_t b, uint64_t seed) {
  media::Image image{width, height, {}};
  Rng rng(seed);
  for (int i = 0; i < width * height; ++i) {
    for (const uint8_t channel : {r, g, b}) {
      image.pixels.push_back(static_cast<uint8_t>(channel / 2 + rng.Below(100)));
    }
  }
  return *media::EncodePng(image);
}

// A data folder that goes with the test.
class PictureFolder {
 public:
  PictureFolder() : folder_(*TemporaryFolder::Make("bench-data")) {}
  const std::string& path() const { return folder_.path(); }
  void Write(const std::string& name, const std::string& bytes) const {
    const std::filesystem::path path = std::filesystem::path(folder_.path()) / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << bytes;
  }
  // `count` pictures of a class of its own colour, in sizes that differ.
  void WriteClass(const std::string& part, const std::string& name, int number, int count) const {
    for (int i = 0; i < count; ++i) {
      const auto level = static_cast<uint8_t>(80 * number % 256);
      Write(part + "/" + name + "/picture " + std::to_string(i) + ".png",
            Picture(9 + i % 7, 11 + i % 3, level, level, static_cast<uint8_t>(level / 2),
                    static_cast<uint64_t>(number * 1000 + i + (part == "test" ? 500 : 0))));
    }
  }

 private:
  TemporaryFolder folder_;
};

// Labelled data without pictures: `per_class` training and `tests` test samples of each class "0", "1", ...; two
// samples in a row share a group.
inline LabelledData PlainData(int classes, int per_class, int tests) {
  LabelledData data;
  for (int label = 0; label < classes; ++label) {
    data.labels.push_back(std::to_string(label));
    for (int i = 0; i < per_class + tests; ++i) {
      format::Sample sample;
      sample.label = std::to_string(label);
      sample.text = "a" + std::to_string(i % 4);
      sample.slice = label % 2 == 0 ? "even" : "odd";
      sample.part = i < per_class ? format::Part::kTrain : format::Part::kTest;
      sample.id = std::to_string(data.samples.size());
      sample.group = std::to_string(data.samples.size() / 2);
      data.samples.push_back(sample);
    }
  }
  data.slices = {"even", "odd"};
  return data;
}

}  // namespace perennial::bench
