#include "storage/format/model_spec.h"

#include <gtest/gtest.h>

#include "tests/format/mangle.h"

namespace perennial::format {
namespace {

TEST(ModelSpec, PresetsAreValidNamedAndRoundTrip) {
  for (const std::string size : {"tiny", "small", "base", "mlp", "resnet18"}) {
    const Result<ModelSpec> spec = ModelSpec::Preset(size);
    ASSERT_TRUE(spec.ok());
    EXPECT_EQ(spec->size, size);
    EXPECT_TRUE(spec->Validate().ok());
    const Result<ModelSpec> back = ModelSpec::FromJson(spec->ToJson());
    ASSERT_TRUE(back.ok()) << back.status().ToString();
    EXPECT_EQ(*back, *spec);
    EXPECT_EQ(back->ToJson(), spec->ToJson());
  }
  EXPECT_EQ(ModelSpec::Preset("huge").status().code(), Code::kInvalidArgument);
}

TEST(ModelSpec, JsonHasSortedKeysAndNoWhitespace) {
  ModelSpec spec;
  spec.size = "custom";
  spec.vision_channels = 7;
  EXPECT_EQ(spec.ToJson(),
            R"({"family":"compact","fusion_layers":2,"heads":4,"image_size":32,"modality_dropout":0.1,"size":"custom",)"
            R"("text_layers":2,"text_length":64,"text_stride":1,"vision_blocks":1,"vision_channels":7,"width":64})");
}

TEST(ModelSpec, ArchitectureHashChangesWithEveryField) {
  const ModelSpec base;
  ModelSpec other = base;
  other.vision_blocks = 2;
  EXPECT_NE(base.ArchitectureHash(), other.ArchitectureHash());
  EXPECT_EQ(base.ArchitectureHash(), ModelSpec{}.ArchitectureHash());
}

TEST(ModelSpec, RefusesUnknownKeysWrongTypesAndBadValues) {
  for (const char* json : {R"({"widht":64})", R"({"width":"64"})", R"({"width":64.5})", R"({"width":63})",
                           R"({"width":-4})", R"({"width":18446744073709551615})", R"({"modality_dropout":1.0})",
                           R"({"family":""})", R"({"heads":0})", R"({"text_stride":65})", R"([])", R"(nonsense)", ""}) {
    EXPECT_EQ(ModelSpec::FromJson(json).status().code(), Code::kInvalidArgument) << json;
  }
  EXPECT_EQ(ModelSpec::FromJson(std::string(20000, ' ')).status().code(), Code::kResourceExhausted);
}

TEST(ModelSpec, AbsentKeysTakeTheirDefaults) {
  const Result<ModelSpec> spec = ModelSpec::FromJson(R"({"width":128})");
  ASSERT_TRUE(spec.ok());
  EXPECT_EQ(spec->width, 128);
  EXPECT_EQ(spec->heads, ModelSpec{}.heads);
}

TEST(ModelSpec, SurvivesRandomDamage) {
  SurvivesRandomDamage(ModelSpec{}.ToJson(), 21, 3000, [](const std::string& b) { return ModelSpec::FromJson(b); });
}

}  // namespace
}  // namespace perennial::format
