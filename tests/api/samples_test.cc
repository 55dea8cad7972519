#include "tests/api/fixture.h"

namespace perennial::api {
namespace {

using SamplesTest = ApiTest;

TEST_F(SamplesTest, StoresAFormInOneRequest) {
  const Answer answer = PostRaw("/api/v1/samples",
                                Form({{"image@", TestPng(1)},
                                      {"text", "what is it?"},
                                      {"label", "scratch"},
                                      {"source", "cam"},
                                      {"id", "1"},
                                      {"slice", "line-2"},
                                      {"time", "2026-01-31T12:00:00Z"}}),
                                kFormType);
  EXPECT_EQ(answer.status, 201);
  EXPECT_EQ(answer.body["status"], "accepted");
  const auto entry = log_->Read(Offset{answer.body["offset"].get<uint64_t>()});
  ASSERT_TRUE(entry.ok());
  EXPECT_EQ(entry->sample.image, TestPng(1));
  EXPECT_EQ(entry->sample.label, "scratch");
  EXPECT_EQ(entry->sample.slice, "line-2");
  EXPECT_EQ(entry->sample.time_us, 1'769'860'800'000'000);
}

TEST_F(SamplesTest, TheSameSampleTwiceIsADuplicate) {
  const std::string form = Form({{"text", "a"}, {"label", "b"}, {"source", "s"}, {"id", "1"}});
  EXPECT_EQ(PostRaw("/api/v1/samples", form, kFormType).status, 201);
  const Answer again = PostRaw("/api/v1/samples", form, kFormType);
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(again.body["status"], "duplicate");
  EXPECT_EQ(again.body["offset"], 0);
}

TEST_F(SamplesTest, AcceptsOneJsonSample) {
  EXPECT_EQ(PostRaw("/api/v1/samples", Line("7", "a text", "x"), "application/json").status, 201);
}

TEST_F(SamplesTest, ADamagedImageGoesToQuarantineAndTheAnswerSaysWhere) {
  const Answer answer =
      PostRaw("/api/v1/samples", Form({{"image@", TestPng(1).substr(0, 40)}, {"label", "x"}}), kFormType);
  EXPECT_EQ(answer.status, 422);
  const auto entries = log_->ListQuarantine(0, 10);
  ASSERT_TRUE(entries.ok());
  ASSERT_EQ(entries->size(), 1u);
  EXPECT_EQ(answer.body["quarantine_id"], entries->front().id);
  EXPECT_EQ(log_->Stats().accepted, 0u);
}

TEST_F(SamplesTest, NeitherImageNorTextIsRefused) {
  EXPECT_EQ(PostRaw("/api/v1/samples", Form({{"label", "x"}}), kFormType).status, 422);
}

TEST_F(SamplesTest, BadUtf8IsRefusedWithTheFieldsName) {
  const Answer answer = PostRaw("/api/v1/samples", Form({{"text", "\xff\xfe"}, {"label", "x"}}), kFormType);
  EXPECT_EQ(answer.status, 422);
  EXPECT_NE(answer.body["detail"].get<std::string>().find("text"), std::string::npos);
}

TEST_F(SamplesTest, AnUnknownFormFieldNamesTheClosest) {
  const Answer answer = PostRaw("/api/v1/samples", Form({{"text", "a"}, {"lable", "x"}}), kFormType);
  EXPECT_EQ(answer.status, 400);
  EXPECT_NE(answer.body["hint"].get<std::string>().find("label"), std::string::npos);
}

TEST_F(SamplesTest, AFieldGivenTwiceIsRefused) {
  EXPECT_EQ(PostRaw("/api/v1/samples", Form({{"text", "a"}, {"text", "b"}}), kFormType).status, 400);
}

TEST_F(SamplesTest, AWrongPartOrTimeIsRefused) {
  EXPECT_EQ(PostRaw("/api/v1/samples", Form({{"text", "a"}, {"part", "exam"}}), kFormType).status, 400);
  EXPECT_EQ(PostRaw("/api/v1/samples", Form({{"text", "a"}, {"time", "yesterday"}}), kFormType).status, 400);
}

TEST_F(SamplesTest, ABodyOfAnotherTypeIsRefusedWithTheCurlToUse) {
  const Answer answer = PostRaw("/api/v1/samples", "hello", "text/plain");
  EXPECT_EQ(answer.status, 415);
  EXPECT_NE(answer.body["hint"].get<std::string>().find("curl"), std::string::npos);
}

TEST_F(SamplesTest, ALateLabelMakesAWaitingSampleTrainable) {
  EXPECT_EQ(PostRaw("/api/v1/samples", Form({{"text", "a"}, {"source", "s"}, {"id", "1"}}), kFormType).status, 201);
  EXPECT_EQ(log_->Stats().waiting_for_label, 1u);
  const nlohmann::json label = {{"source", "s"}, {"id", "1"}, {"label", "yes"}};
  EXPECT_EQ(Post("/api/v1/samples/label", label).status, 201);
  EXPECT_EQ(log_->Stats().waiting_for_label, 0u);
  EXPECT_EQ(Post("/api/v1/samples/label", label).status, 409);
  EXPECT_EQ(Post("/api/v1/samples/label", {{"source", "s"}, {"id", "2"}, {"label", "yes"}}).status, 404);
  EXPECT_EQ(Post("/api/v1/samples/label", {{"source", "s"}, {"id", "2"}}).status, 400);
}

TEST_F(SamplesTest, FlushAppendsAMark) {
  EXPECT_EQ(Post("/api/v1/samples/flush", nullptr).body["offset"], 0);
  EXPECT_EQ(log_->End().value, 1u);
}

TEST_F(SamplesTest, AFullDiskIs503AndTheSampleMayBeSentAgain) {
  const std::string form = Form({{"text", "a"}, {"source", "s"}, {"id", "1"}});
  store_->FailWrites(1, ResourceExhausted("no space left on device"), 1000);
  const Answer refused = PostRaw("/api/v1/samples", form, kFormType);
  EXPECT_EQ(refused.status, 503);
  EXPECT_FALSE(refused.raw.Header("retry-after").empty());
  store_->FailWrites(1, Status::Ok(), 0);
  EXPECT_EQ(PostRaw("/api/v1/samples", form, kFormType).status, 201);
}

TEST_F(SamplesTest, PastTheHighWaterMarkIngestAnswers429) {
  StartServer({.max_backlog = 100}, {.token_file = {}, .open_loopback = true});
  trainer_.SetMain({.error = {}, .backlog = 150, .samples_per_s = 10});
  const Answer answer = PostRaw("/api/v1/samples", Form({{"text", "a"}}), kFormType);
  EXPECT_EQ(answer.status, 429);
  EXPECT_EQ(answer.raw.Header("retry-after"), "5");
  EXPECT_EQ(PostRaw("/api/v1/samples/bulk", Line("1", "a", "b"), "application/x-ndjson").status, 429);
  trainer_.SetMain({.error = {}, .backlog = 99});
  EXPECT_EQ(PostRaw("/api/v1/samples", Form({{"text", "a"}}), kFormType).status, 201);
}

TEST_F(SamplesTest, ADrainingServerAnswers503) {
  server_->Drain();
  EXPECT_EQ(PostRaw("/api/v1/samples", Form({{"text", "a"}}), kFormType).status, 503);
  EXPECT_EQ(log_->End().value, 0u);
}

TEST_F(SamplesTest, ABodyOverTheLimitIs413) {
  StartServer({}, {.token_file = {}, .open_loopback = true}, 4096);
  const Answer answer = PostRaw("/api/v1/samples", Form({{"text", std::string(10'000, 'a')}}), kFormType);
  EXPECT_EQ(answer.status, 413);
}

}  // namespace
}  // namespace perennial::api
