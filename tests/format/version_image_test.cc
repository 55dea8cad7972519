#include "storage/format/version_image.h"

#include <gtest/gtest.h>

#include <limits>

#include "tests/format/golden.h"
#include "tests/format/mangle.h"
#include "tests/format/random_image.h"

namespace perennial::format {
namespace {

// Fixed numbers, independent of the random generator and of any library's rounding.
VersionImage FixedImage() {
  VersionImage image;
  image.spec.size = "custom";
  image.labels = {"ok", "scratch"};
  image.slices = {"steel"};
  image.trained_until = 640;
  image.scale_set = 1;
  image.tensors.push_back(
      {"conv.weight", TensorKind::kInt8Rows, {2, 3}, {-127, 0, 127, 1, -1, 64}, {0.5f, 0.001f}, {}});
  image.tensors.push_back({"head.bias", TensorKind::kFloat32, {2}, {}, {}, {1.5f, -0.0f}});
  return image;
}

TEST(VersionImage, RoundTripsRandomImages) {
  Rng rng(31);
  for (int i = 0; i < 100; ++i) {
    const VersionImage image = RandomImage(rng);
    ASSERT_TRUE(image.Validate().ok()) << image.Validate().ToString();
    const Result<VersionImage> back = DecodeVersionImage(EncodeVersionImage(image));
    ASSERT_TRUE(back.ok()) << back.status().ToString();
    EXPECT_EQ(back->Root(), image.Root());
    EXPECT_EQ(back->tensors, image.tensors);
    EXPECT_EQ(back->labels, image.labels);
    EXPECT_EQ(back->slices, image.slices);
    EXPECT_EQ(back->spec, image.spec);
  }
}

TEST(VersionImage, BytesAndRootOfVersionOneStayAsTheyAre) {
  const std::string bytes = EncodeVersionImage(FixedImage());
  EXPECT_EQ(bytes, Golden("version_image_v1.bin", bytes));
  EXPECT_EQ(FixedImage().Root().Hex() + "\n", Golden("version_image_v1.root", FixedImage().Root().Hex() + "\n"));
}

// FixedImage with an instant head.
VersionImage InstantImage() {
  VersionImage image = FixedImage();
  image.instant = InstantSpec{"patch-1", 16, 7};
  image.tensors.push_back({"instant.weight", TensorKind::kInt8Rows, {2, 2}, {1, -2, 3, -127}, {0.5f, 0.25f}, {}});
  image.tensors.push_back({"instant.bias", TensorKind::kFloat32, {2}, {}, {}, {0.5f, 0.75f}});
  return image;
}

TEST(VersionImage, WithAnInstantHeadRoundTripsAndKeepsItsBytes) {
  const VersionImage image = InstantImage();
  const std::string bytes = EncodeVersionImage(image);
  const Result<VersionImage> back = DecodeVersionImage(bytes);
  ASSERT_TRUE(back.ok()) << back.status().ToString();
  EXPECT_EQ(back->instant, image.instant);
  EXPECT_EQ(back->Root(), image.Root());
  EXPECT_EQ(back->NetworkTensors(), 2u);
  EXPECT_EQ(bytes, Golden("version_image_v1_instant.bin", bytes));
  ExpectEveryTruncationIsRefused(bytes, [](const std::string& b) { return DecodeVersionImage(b); });
  SurvivesRandomDamage(bytes, 34, 5000, [](const std::string& b) { return DecodeVersionImage(b); });
}

TEST(VersionImage, AnInstantHeadsSpecIsPartOfTheRoot) {
  VersionImage image = InstantImage();
  const Hash256 root = image.Root();
  image.instant->seed++;
  EXPECT_NE(image.Root(), root);
}

TEST(VersionImage, InstantTensorsStandLastAndWithTheirSpec) {
  VersionImage without_spec = InstantImage(), without_tensors = FixedImage(), in_between = InstantImage();
  without_spec.instant.reset();
  without_tensors.instant = InstantSpec{};
  std::swap(in_between.tensors[1], in_between.tensors[2]);
  VersionImage bad_spec = InstantImage();
  bad_spec.instant->width = 3;
  EXPECT_TRUE(InstantImage().Validate().ok());
  for (const VersionImage& image : {without_spec, without_tensors, in_between, bad_spec}) {
    EXPECT_EQ(image.Validate().code(), Code::kInvalidArgument);
  }
  EXPECT_EQ(DecodeVersionImage(EncodeVersionImage(without_spec)).status().code(), Code::kCorruption);
  EXPECT_EQ(DecodeVersionImage(EncodeVersionImage(in_between)).status().code(), Code::kCorruption);
  EXPECT_EQ(DecodeVersionImage(EncodeVersionImage(bad_spec)).status().code(), Code::kCorruption);
}

TEST(VersionImage, RootChangesWithEveryPart) {
  const Hash256 root = FixedImage().Root();
  const auto changed = [&](auto&& change) {
    VersionImage image = FixedImage();
    change(image);
    return image.Root() != root;
  };
  EXPECT_TRUE(changed([](VersionImage& i) { i.spec.heads = 8; }));
  EXPECT_TRUE(changed([](VersionImage& i) { i.labels[1] = "dent"; }));
  EXPECT_TRUE(changed([](VersionImage& i) { i.slices.clear(); }));
  EXPECT_TRUE(changed([](VersionImage& i) { i.trained_until++; }));
  EXPECT_TRUE(changed([](VersionImage& i) { i.scale_set++; }));
  EXPECT_TRUE(changed([](VersionImage& i) { i.tensors[0].codes[3]++; }));
  EXPECT_TRUE(changed([](VersionImage& i) { i.tensors[0].scales[1] = 0.002f; }));
  EXPECT_TRUE(changed([](VersionImage& i) { i.tensors[1].values[1] = 0.0f; })) << "the sign of zero counts";
  EXPECT_TRUE(changed([](VersionImage& i) { i.tensors[1].name = "head.bios"; }));
  EXPECT_TRUE(changed([](VersionImage& i) { i.tensors[0].shape = {2, 3, 1}; }));
  EXPECT_TRUE(changed([](VersionImage& i) { std::swap(i.tensors[0], i.tensors[1]); }));
}

TEST(VersionImage, RefusesTruncationAtEveryByteAndTrailingBytes) {
  const std::string bytes = EncodeVersionImage(FixedImage());
  ExpectEveryTruncationIsRefused(bytes, [](const std::string& b) { return DecodeVersionImage(b); });
  EXPECT_EQ(DecodeVersionImage(bytes + '\0').status().code(), Code::kCorruption);
}

TEST(VersionImage, AFlipOfAnyByteIsRefusedOrChangesTheRoot) {
  const std::string bytes = EncodeVersionImage(FixedImage());
  const Hash256 root = FixedImage().Root();
  for (size_t at = 0; at < bytes.size(); ++at) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    const Result<VersionImage> back = DecodeVersionImage(damaged);
    if (back.ok()) {
      EXPECT_NE(back->Root(), root) << "byte " << at;
    }
  }
}

TEST(VersionImage, SurvivesRandomDamage) {
  SurvivesRandomDamage(EncodeVersionImage(FixedImage()), 33, 20000,
                       [](const std::string& b) { return DecodeVersionImage(b); });
}

TEST(VersionImage, HostileShapesAreRefusedBeforeAllocation) {
  VersionImage image = FixedImage();
  image.tensors[1].shape = {int64_t{1} << 40};
  EXPECT_EQ(DecodeVersionImage(EncodeVersionImage(image)).status().code(), Code::kCorruption);
  image.tensors[1].shape = {int64_t{1} << 31, int64_t{1} << 31, int64_t{1} << 31};
  EXPECT_EQ(DecodeVersionImage(EncodeVersionImage(image)).status().code(), Code::kCorruption);
}

TEST(VersionImage, ValidateNamesWhatIsWrong) {
  const auto status = [](auto&& change) {
    VersionImage image = FixedImage();
    change(image);
    return image.Validate();
  };
  EXPECT_TRUE(status([](VersionImage&) {}).ok());
  EXPECT_FALSE(status([](VersionImage& i) { i.tensors[0].codes.pop_back(); }).ok());
  EXPECT_FALSE(status([](VersionImage& i) { i.tensors[0].codes[0] = -128; }).ok());
  EXPECT_FALSE(status([](VersionImage& i) { i.tensors[0].scales[0] = 0; }).ok());
  EXPECT_FALSE(status([](VersionImage& i) { i.tensors[0].scales[0] = std::numeric_limits<float>::infinity(); }).ok());
  EXPECT_FALSE(status([](VersionImage& i) { i.tensors[1].values[0] = std::numeric_limits<float>::quiet_NaN(); }).ok());
  EXPECT_FALSE(status([](VersionImage& i) { i.tensors[1].name = i.tensors[0].name; }).ok());
  EXPECT_FALSE(status([](VersionImage& i) { i.tensors[1].name.clear(); }).ok());
  EXPECT_FALSE(status([](VersionImage& i) { i.tensors[1].shape = {-2}; }).ok());
  EXPECT_FALSE(status([](VersionImage& i) { i.tensors[0].shape = {1, 1, 1, 1, 1, 1, 1, 2, 3}; }).ok());
  EXPECT_FALSE(status([](VersionImage& i) { i.labels[1] = "ok"; }).ok());
  EXPECT_FALSE(status([](VersionImage& i) { i.labels[1] = "\xff"; }).ok());
  EXPECT_FALSE(status([](VersionImage& i) { i.spec.heads = 3; }).ok());
}

TEST(VersionImage, Fp32BytesCountsEveryWeight) { EXPECT_EQ(FixedImage().Fp32Bytes(), 4u * (6 + 2)); }

}  // namespace
}  // namespace perennial::format
