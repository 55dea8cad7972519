#include <gtest/gtest.h>

#include <filesystem>
#include <iostream>
#include <map>
#include <set>

#include "storage/media/image.h"
#include "storage/sources/source.h"

// Readers against the third-party data sets beside the checkout; the counts are those of their README.
namespace perennial::sources {
namespace {

std::string DataFolder() { return std::string(PERENNIAL_SOURCE_DIR) + "/../shared/data"; }

// True when the data set is there; says so loudly when not.
bool Have(const std::string& name) {
  if (std::filesystem::exists(DataFolder() + "/" + name)) return true;
  std::cerr << "\n*** SKIPPED: the data set " << name << " is not beside the checkout (../shared/data) ***\n\n";
  return false;
}

struct Counts {
  std::map<std::string, int> train, test;  // by slice
  std::map<std::string, int> labels;
  std::set<std::string> images, ids;
  int errors = 0;
  std::vector<std::string> runs;  // "slice/part" in order of arrival, repeats folded
  bool all_images_valid = true;
};

Counts Count(const std::string& path, const SourceOptions& options = {}) {
  Counts counts;
  auto source = OpenSource(path, options);
  EXPECT_TRUE(source.ok()) << source.status().ToString();
  while (source.ok()) {
    auto item = (*source)->Next();
    EXPECT_TRUE(item.ok()) << item.status().ToString();
    if (!item.ok() || !item->has_value()) break;
    if (!(*item)->sample.ok()) {
      ADD_FAILURE() << (*item)->pointer << ": " << (*item)->sample.status().ToString();
      ++counts.errors;
      continue;
    }
    const format::Sample& sample = *(*item)->sample;
    const bool test = sample.part == format::Part::kTest;
    ++(test ? counts.test : counts.train)[sample.slice];
    ++counts.labels[sample.label.value_or("(none)")];
    counts.ids.insert(sample.source + "\n" + sample.id);
    if (counts.images.insert(sample.image).second) {
      counts.all_images_valid &= media::ValidateImage(sample.image, {}).ok();
    }
    const std::string run = sample.slice + (test ? "/test" : "/train");
    if (counts.runs.empty() || counts.runs.back() != run) counts.runs.push_back(run);
  }
  return counts;
}

TEST(RealData, EasyVqaSlicesAndParts) {
  if (!Have("easy_vqa")) GTEST_SKIP();
  const Counts counts = Count(DataFolder() + "/easy_vqa");
  EXPECT_EQ(counts.train,
            (std::map<std::string, int>{{"shape", 5002}, {"colour", 5166}, {"yes-no", 14187}, {"negated", 14220}}));
  int test = 0;
  for (const auto& [slice, count] : counts.test) test += count;
  EXPECT_EQ(test, 4847);
  EXPECT_EQ(counts.labels.size(), 13u);
  EXPECT_EQ(counts.ids.size(), 38575u + 4847u);
  EXPECT_TRUE(counts.all_images_valid);
  EXPECT_EQ(counts.runs, (std::vector<std::string>{"shape/test", "shape/train", "colour/test", "colour/train",
                                                   "yes-no/test", "yes-no/train", "negated/test", "negated/train"}));
}

TEST(RealData, SteelDefectsByClassName) {
  if (!Have("xsdd")) GTEST_SKIP();
  const Counts counts = Count(DataFolder() + "/xsdd/xsdd.tar.gz");
  EXPECT_EQ(counts.train.at(""), 1360);
  EXPECT_EQ(counts.labels.size(), 7u);
  EXPECT_EQ(counts.labels.at("finishing roll printing"), 203);
  EXPECT_TRUE(counts.all_images_valid);
}

TEST(RealData, RadiologyQuestionsAsOriginalRecords) {
  if (!Have("vqa_rad")) GTEST_SKIP();
  SourceOptions options;
  options.slice_field = "organ";
  const Counts counts = Count(DataFolder() + "/vqa_rad", options);
  EXPECT_EQ(counts.train.at("HEAD") + counts.train.at("CHEST") + counts.train.at("ABD"), 1929);
  EXPECT_EQ(counts.images.size(), 269u);
  EXPECT_TRUE(counts.all_images_valid);
}

}  // namespace
}  // namespace perennial::sources
