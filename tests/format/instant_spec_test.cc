#include "storage/format/instant_spec.h"

#include <gtest/gtest.h>

#include "tests/format/mangle.h"

namespace perennial::format {
namespace {

TEST(InstantSpec, JsonRoundTripsAndItsBytesStay) {
  const InstantSpec spec{"patch-1", 320, 18446744073709551615ULL};
  EXPECT_EQ(spec.ToJson(), R"({"features":"patch-1","seed":18446744073709551615,"width":320})");
  const auto back = InstantSpec::FromJson(spec.ToJson());
  ASSERT_TRUE(back.ok()) << back.status().ToString();
  EXPECT_EQ(*back, spec);
}

TEST(InstantSpec, RefusesWhatItDoesNotKnow) {
  for (const char* json : {"", "[]", "{\"width\":15}", "{\"width\":16385}", "{\"width\":\"20\"}", "{\"width\":2e9}",
                           "{\"width\":18446744073709551615}", "{\"seed\":-1}", "{\"features\":\"patch-2\"}",
                           "{\"features\":1}", "{\"depth\":1}"}) {
    EXPECT_FALSE(InstantSpec::FromJson(json).ok()) << json;
  }
  EXPECT_EQ(InstantSpec::FromJson(std::string(5000, ' ')).status().code(), Code::kResourceExhausted);
}

TEST(InstantSpec, SurvivesRandomDamage) {
  SurvivesRandomDamage(InstantSpec{}.ToJson(), 5, 2000,
                       [](const std::string& json) { return InstantSpec::FromJson(json); });
}

}  // namespace
}  // namespace perennial::format
