#include <gtest/gtest.h>

#include "storage/sources/pattern_guard.h"
#include "storage/sources/source.h"

namespace perennial::sources {
namespace {

constexpr const char* kRules = R"(
order = ["b", "a"]
[[rule]]
slice = "a"
text = '\b(not|no)\b'
[[rule]]
slice = "b"
text = '^(is|does)\b'
)";

TEST(SliceRules, TheFirstMatchingRuleWinsAndCaseIsIgnored) {
  const auto rules = SliceRules::Parse(kRules, "rules");
  ASSERT_TRUE(rules.ok()) << rules.status().ToString();
  EXPECT_EQ(rules->order(), (std::vector<std::string>{"b", "a"}));
  EXPECT_EQ(rules->SliceOf("Is there NOT a circle?"), "a");
  EXPECT_EQ(rules->SliceOf("IS there a notch?"), "b");
  EXPECT_EQ(rules->SliceOf("what is it?"), std::nullopt);
}

TEST(SliceRules, MistakesInTheFileAreErrors) {
  for (const char* toml :
       {"", "order = 3", "ordr = ['a']", "[[rule]]\nslice='a'", "[[rule]]\nslice='a'\ntext='('",
        "[[rule]]\nslice='a'\ntext='x'\ntxt='y'", "[[rule]]\nslice='a'\ntext='(a+)+b'", "not toml"}) {
    EXPECT_EQ(SliceRules::Parse(toml, "rules").status().code(), Code::kInvalidArgument) << toml;
  }
  EXPECT_EQ(SliceRules::Load("/nonexistent/slices.toml").status().code(), Code::kNotFound);
}

TEST(SliceRules, AnOrderAloneIsEnough) {
  const auto rules = SliceRules::Parse("order = ['x']", "rules");
  ASSERT_TRUE(rules.ok());
  EXPECT_EQ(rules->SliceOf("anything"), std::nullopt);
}

TEST(PatternGuard, RefusesPatternsThatCouldTakeForever) {
  for (const char* pattern : {"(a+)+", "(a*)*b", "((a+)b)*", "(a{2})+", "(a)\\1", "a{1000}", "(?:x+)*"}) {
    EXPECT_FALSE(CheckPattern(pattern).ok()) << pattern;
  }
  EXPECT_FALSE(CheckPattern(std::string(300, 'a')).ok());
  for (const char* pattern :
       {"", "a+b*", "\\b(not|no)\\b", "(ab)+", "[+*]+", "\\(a+\\)+", "a{2,5}", "(a+)b+", "(?:ab)?c+"}) {
    EXPECT_TRUE(CheckPattern(pattern).ok()) << pattern;
  }
}

TEST(SliceRules, LongTextsAgainstGreedyPatternsEnd) {
  const auto rules = SliceRules::Parse("[[rule]]\nslice='a'\ntext='(x|xx)+y'\n[[rule]]\nslice='b'\ntext='.'", "rules");
  ASSERT_TRUE(rules.ok()) << rules.status().ToString();
  EXPECT_EQ(rules->SliceOf(std::string(400, 'x')), "b");
  EXPECT_EQ(rules->SliceOf(std::string(100'000, ' ')), "b");
}

}  // namespace
}  // namespace perennial::sources
