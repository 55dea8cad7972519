#include "api/cli/verbs.h"

#include <gtest/gtest.h>

#include "api/cli/sibling.h"

namespace perennial::cli {
namespace {

TEST(Verbs, TheClosestCommandIsSuggested) {
  EXPECT_TRUE(CheckVerb("status").ok());
  EXPECT_EQ(CheckVerb("stauts").hint(), "did you mean: perennial status");
  EXPECT_EQ(CheckVerb("rolback").hint(), "did you mean: perennial rollback");
  EXPECT_EQ(CheckVerb("xyzzy-plugh").hint(), "see: perennial --help");
}

TEST(Verbs, SiblingProgramsAreCommandsToo) {
  for (const char* name : {"hub", "edge", "bench", "quickstart"}) {
    EXPECT_TRUE(IsSibling(name));
    EXPECT_TRUE(CheckVerb(name).ok());
    EXPECT_TRUE(SiblingPath(name).ends_with(std::string("/perennial-") + name));
  }
  EXPECT_FALSE(IsSibling("feed"));
}

TEST(Sibling, AMissingProgramIsAnErrorThatNamesIt) {
  const Status status = RunSibling("absent", {"--x"});
  EXPECT_EQ(status.code(), Code::kNotFound);
  EXPECT_NE(status.message().find("perennial-absent"), std::string::npos);
}

}  // namespace
}  // namespace perennial::cli
