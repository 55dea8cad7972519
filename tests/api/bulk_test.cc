#include "tests/api/fixture.h"

namespace perennial::api {
namespace {

using BulkTest = ApiTest;
constexpr char kNdjson[] = "application/x-ndjson";
constexpr char kPath[] = "/api/v1/samples/bulk";

TEST_F(BulkTest, AnswersInRequestOrderWithAStatusPerLine) {
  const std::string body = Line("1", "a", "x", TestPng(1)) + "{not json}\n" + Line("2", "b", "y") + "\n   \n" +
                           Line("1", "a", "x", TestPng(1)) + Line("3", "", "z") + R"({"text":"t","colour":"red"})";
  const Answer answer = PostRaw(kPath, body, kNdjson);
  ASSERT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body["errors"], true);
  const auto& items = answer.body["items"];
  ASSERT_EQ(items.size(), 6u);
  EXPECT_EQ(items[0], (nlohmann::json{{"status", "accepted"}, {"offset", 0}}));
  EXPECT_EQ(items[1]["status"], "quarantined");
  EXPECT_EQ(items[1]["pointer"], "line 2");
  EXPECT_EQ(items[2], (nlohmann::json{{"status", "accepted"}, {"offset", 1}}));
  EXPECT_EQ(items[3], (nlohmann::json{{"status", "duplicate"}, {"offset", 0}}));
  EXPECT_EQ(items[4]["status"], "quarantined") << "neither image nor text";
  EXPECT_EQ(items[4]["pointer"], "line 7");
  EXPECT_EQ(items[5]["status"], "quarantined") << "an unknown field";
  EXPECT_EQ(items[5]["pointer"], "line 8");
  EXPECT_EQ(log_->Stats().quarantine_entries, 3u);
  EXPECT_EQ(log_->Stats().accepted, 2u);
}

TEST_F(BulkTest, AllGoodHasNoErrors) {
  std::string body;
  for (int i = 0; i < 100; ++i) body += Line(std::to_string(i), "question", "answer", TestPng(i));
  const Answer answer = PostRaw(kPath, body, kNdjson);
  EXPECT_EQ(answer.body["errors"], false);
  EXPECT_EQ(answer.body["items"].size(), 100u);
  EXPECT_EQ(log_->End().value, 100u);
}

TEST_F(BulkTest, AnEmptyBodyIsAnEmptyAnswer) {
  const Answer answer = PostRaw(kPath, "", kNdjson);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body["items"].size(), 0u);
}

TEST_F(BulkTest, TooManyLinesAre413AndNothingIsStored) {
  StartServer({.max_bulk_items = 3}, {.token_file = {}, .open_loopback = true});
  std::string body;
  for (int i = 0; i < 4; ++i) body += Line(std::to_string(i), "a", "b");
  EXPECT_EQ(PostRaw(kPath, body, kNdjson).status, 413);
  EXPECT_EQ(log_->End().value, 0u);
}

TEST_F(BulkTest, BytesThatAreNoTextAreQuarantinedAndShown) {
  const Answer answer = PostRaw(kPath, "\xff\xfe\x00\x01\n", kNdjson);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body["errors"], true);
  EXPECT_EQ(Get("/api/v1/quarantine").body["entries"].size(), 1u);
}

TEST_F(BulkTest, DeeplyNestedJsonIsOnlyABadLine) {
  const Answer answer = PostRaw(kPath, R"({"text":)" + std::string(100'000, '[') + "\n" + Line("1", "a", "b"), kNdjson);
  EXPECT_EQ(answer.body["items"][0]["status"], "quarantined");
  EXPECT_EQ(answer.body["items"][1]["status"], "accepted");
}

TEST_F(BulkTest, AThousandBadLinesAreOneWrite) {
  std::string body;
  for (int i = 0; i < 1000; ++i) body += "{not json " + std::to_string(i) + "\n";
  body += Line("1", "a", "b");
  const uint64_t before = store_->writes();
  const Answer answer = PostRaw(kPath, body, kNdjson);
  EXPECT_EQ(answer.status, 200);
  EXPECT_LE(store_->writes(), before + 2) << "the good line's, and the bad lines'";
  EXPECT_EQ(log_->Stats().quarantine_entries, 1000u);
  EXPECT_EQ(answer.body["items"][0]["quarantine_id"], 1);
  EXPECT_EQ(answer.body["items"][999]["quarantine_id"], 1000);
  const nlohmann::json entry = Get("/api/v1/quarantine?after=999").body["entries"][0];
  EXPECT_EQ(entry["pointer"], "line 1000");
}

TEST_F(BulkTest, AFullDiskIs503AndNothingWasStored) {
  store_->FailWrites(1, ResourceExhausted("no space left on device"), 1000);
  EXPECT_EQ(PostRaw(kPath, Line("1", "a", "b"), kNdjson).status, 503);
  EXPECT_EQ(log_->End().value, 0u);
}

TEST_F(BulkTest, AFormIsRefused) { EXPECT_EQ(PostRaw(kPath, Form({{"text", "a"}}), kFormType).status, 400); }

}  // namespace
}  // namespace perennial::api
