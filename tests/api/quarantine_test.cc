#include "tests/api/fixture.h"

namespace perennial::api {
namespace {

class QuarantineTest : public ApiTest {
 protected:
  void Refuse(int count) {
    for (int i = 0; i < count; ++i) {
      ASSERT_TRUE(log_->Quarantine(InvalidArgument("bad number " + std::to_string(i), "mend it"), "line 1", {}).ok());
    }
  }
};

TEST_F(QuarantineTest, PagesThroughAllEntriesOnce) {
  Refuse(5);
  std::vector<std::string> seen;
  nlohmann::json after = 0;
  for (int page = 0; page < 3; ++page) {
    const Answer answer = Get("/api/v1/quarantine?limit=2&after=" + after.dump());
    for (const auto& entry : answer.body["entries"]) seen.push_back(entry["message"]);
    after = answer.body["next_after"];
  }
  EXPECT_TRUE(after.is_null());
  EXPECT_EQ(seen,
            (std::vector<std::string>{"bad number 0", "bad number 1", "bad number 2", "bad number 3", "bad number 4"}));
}

TEST_F(QuarantineTest, ShowsCodePointerHintAndTheSample) {
  format::Sample sample;
  sample.source = "cam";
  sample.text = "\xff not text";
  sample.label = "x";
  ASSERT_TRUE(log_->Quarantine(InvalidArgument("text: not valid UTF-8", "send UTF-8"), "line 3", sample).ok());
  const auto entry = Get("/api/v1/quarantine").body["entries"][0];
  EXPECT_EQ(entry["code"], "invalid_argument");
  EXPECT_EQ(entry["pointer"], "line 3");
  EXPECT_EQ(entry["hint"], "send UTF-8");
  EXPECT_EQ(entry["sample"]["source"], "cam");
  EXPECT_EQ(entry["sample"]["label"], "x");
}

TEST_F(QuarantineTest, DropsAnEntry) {
  Refuse(1);
  const std::string id = Get("/api/v1/quarantine").body["entries"][0]["id"].dump();
  EXPECT_EQ(Delete("/api/v1/quarantine/" + id).status, 204);
  EXPECT_EQ(Delete("/api/v1/quarantine/" + id).status, 404);
  EXPECT_EQ(Get("/api/v1/quarantine").body["entries"].size(), 0u);
}

TEST_F(QuarantineTest, LimitsAreChecked) {
  EXPECT_EQ(Get("/api/v1/quarantine?limit=0").status, 400);
  EXPECT_EQ(Get("/api/v1/quarantine?limit=1001").status, 400);
  EXPECT_EQ(Get("/api/v1/quarantine?after=-1").status, 400);
  EXPECT_EQ(Get("/api/v1/quarantine?limt=5").status, 400);
  EXPECT_EQ(Delete("/api/v1/quarantine/abc").status, 400);
}

}  // namespace
}  // namespace perennial::api
