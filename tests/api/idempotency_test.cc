#include "api/idempotency.h"

#include "tests/api/fixture.h"

namespace perennial::api {
namespace {

using IdempotencyTest = ApiTest;
constexpr char kNdjson[] = "application/x-ndjson";
constexpr char kPath[] = "/api/v1/samples/bulk";

TEST_F(IdempotencyTest, ARepeatedKeyGetsTheFirstAnswerAgain) {
  const Headers key = {{"Idempotency-Key", "k1"}};
  const Answer first = PostRaw(kPath, Line("1", "a", "b"), kNdjson, key);
  const Answer again = PostRaw(kPath, Line("1", "a", "b"), kNdjson, key);
  EXPECT_EQ(first.body["items"][0]["status"], "accepted");
  EXPECT_EQ(again.raw.body, first.raw.body);
  EXPECT_EQ(again.raw.Header("idempotent-replayed"), "true");
  EXPECT_EQ(log_->Stats().duplicates, 0u);
}

TEST_F(IdempotencyTest, TheSameKeyWithAnotherBodyIs422) {
  const Headers key = {{"Idempotency-Key", "k1"}};
  EXPECT_EQ(PostRaw(kPath, Line("1", "a", "b"), kNdjson, key).status, 200);
  EXPECT_EQ(PostRaw(kPath, Line("2", "a", "b"), kNdjson, key).status, 422);
  EXPECT_EQ(log_->Stats().accepted, 1u);
}

TEST_F(IdempotencyTest, AKeyThatIsTooLongIs400) {
  EXPECT_EQ(PostRaw(kPath, Line("1", "a", "b"), kNdjson, {{"Idempotency-Key", std::string(256, 'k')}}).status, 400);
}

TEST_F(IdempotencyTest, AFailedStoreIsNotRemembered) {
  const Headers key = {{"Idempotency-Key", "k1"}};
  store_->FailWrites(1, ResourceExhausted("no space left on device"), 1000);
  EXPECT_EQ(PostRaw(kPath, Line("1", "a", "b"), kNdjson, key).status, 503);
  store_->FailWrites(1, Status::Ok(), 0);
  EXPECT_EQ(PostRaw(kPath, Line("1", "a", "b"), kNdjson, key).status, 200);
}

http::Request WithKey(const std::string& key) {
  http::Request request;
  request.method = "POST";
  request.path = kPath;
  request.headers.emplace("idempotency-key", key);
  return request;
}

TEST(IdempotencyMemory, OldKeysAreForgottenWithinTheBounds) {
  IdempotencyMemory memory({.max_keys = 2, .max_bytes = 1000});
  int calls = 0;
  const auto ask = [&](const std::string& key) {
    http::Response response;
    memory.Handle(WithKey(key), response,
                  [&](const http::Request&, http::Response& answer) { answer.body = std::to_string(++calls); });
    return response.body;
  };
  EXPECT_EQ(ask("a"), "1");
  EXPECT_EQ(ask("b"), "2");
  EXPECT_EQ(ask("a"), "1");
  EXPECT_EQ(ask("c"), "3");
  EXPECT_EQ(ask("b"), "2");
  EXPECT_EQ(ask("a"), "4") << "the oldest went";
}

TEST(IdempotencyMemory, LargeAnswersAreForgottenByBytes) {
  IdempotencyMemory memory({.max_keys = 100, .max_bytes = 1000});
  int calls = 0;
  const auto ask = [&](const std::string& key) {
    http::Response response;
    memory.Handle(WithKey(key), response, [&](const http::Request&, http::Response& answer) {
      ++calls;
      answer.body.assign(600, 'x');
    });
  };
  ask("a");
  ask("b");
  ask("a");
  EXPECT_EQ(calls, 3);
}

TEST(IdempotencyMemory, TheSameKeyUnderWayIs409) {
  IdempotencyMemory memory({});
  http::Response outer, inner;
  memory.Handle(WithKey("a"), outer, [&](const http::Request& request, http::Response&) {
    memory.Handle(request, inner, [](const http::Request&, http::Response&) { FAIL() << "ran twice"; });
  });
  EXPECT_EQ(inner.status, 409);
  EXPECT_EQ(outer.status, 200);
}

TEST(IdempotencyMemory, AHandlerThatThrowsFreesItsKey) {
  IdempotencyMemory memory({});
  http::Response response;
  EXPECT_THROW(memory.Handle(WithKey("a"), response,
                             [](const http::Request&, http::Response&) { throw std::runtime_error("broken"); }),
               std::runtime_error);
  bool ran = false;
  http::Response second;
  memory.Handle(WithKey("a"), second, [&](const http::Request&, http::Response&) { ran = true; });
  EXPECT_TRUE(ran);
}

}  // namespace
}  // namespace perennial::api
