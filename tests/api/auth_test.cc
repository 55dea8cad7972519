#include "api/auth.h"

#include "storage/base/env.h"
#include "tests/api/fixture.h"

namespace perennial::api {
namespace {

constexpr char kToken[] = "0123456789abcdef0123456789abcdef";

class AuthTest : public ApiTest {
 protected:
  void SetUp() override {
    ApiTest::SetUp();
    auto folder = TemporaryFolder::Make("perennial-auth");
    ASSERT_TRUE(folder.ok());
    folder_.emplace(*std::move(folder));
    token_file_ = folder_->path() + "/tokens";
    WriteTokens(std::string("# the pipeline's\n") + kToken + "\r\n\nanother-token-of-mine\n");
  }
  void WriteTokens(const std::string& text) { ASSERT_TRUE(Env::Posix().WriteFileAtomic(token_file_, text, 0600).ok()); }
  Answer GetStatus(const std::string& authorization) {
    return Get("/api/v1/status", authorization.empty() ? Headers{} : Headers{{"Authorization", authorization}});
  }

  std::optional<TemporaryFolder> folder_;
  std::string token_file_;
};

TEST_F(AuthTest, OnlyAKnownTokenOpens) {
  StartServer({}, {.token_file = token_file_});
  EXPECT_EQ(GetStatus(std::string("Bearer ") + kToken).status, 200);
  EXPECT_EQ(GetStatus("bearer another-token-of-mine").status, 200);
  EXPECT_EQ(GetStatus("").status, 401);
  EXPECT_EQ(GetStatus("Bearer wrong").status, 401);
  EXPECT_EQ(GetStatus(std::string("Basic ") + kToken).status, 401);
  EXPECT_EQ(GetStatus(std::string("Bearer ") + kToken + "0").status, 401);
  const Answer refused = GetStatus("Bearer # the pipeline's");
  EXPECT_EQ(refused.status, 401);
  EXPECT_FALSE(refused.raw.Header("www-authenticate").empty());
  EXPECT_EQ(PostRaw("/api/v1/samples", Form({{"text", "a"}}), kFormType).status, 401);
  EXPECT_EQ(log_->End().value, 0u);
}

TEST_F(AuthTest, HealthIsOpenToAll) {
  StartServer({}, {.token_file = token_file_});
  EXPECT_EQ(Get("/healthz").status, 200);
}

TEST_F(AuthTest, AnOpenPathTakesNoBodyFromAStranger) {
  StartServer({}, {.token_file = token_file_});
  const auto answer = client_->Post("/healthz", "a body that would have to be kept", "text/plain", {});
  ASSERT_TRUE(answer.ok()) << answer.status().ToString();
  EXPECT_EQ(answer->status, 401);
}

TEST_F(AuthTest, OpenLoopbackNeedsNoTokenButAWrongOneIsStillRefused) {
  StartServer({}, {.token_file = token_file_, .open_loopback = true});
  EXPECT_EQ(GetStatus("").status, 200);
  EXPECT_EQ(GetStatus("Bearer wrong").status, 401);
}

TEST_F(AuthTest, APageOfAnotherOriginDoesNotPassAsLoopback) {
  EXPECT_EQ(Get("/api/v1/status", {{"Origin", "https://evil.example"}}).status, 401);
  EXPECT_EQ(Get("/api/v1/status", {{"Origin", "null"}}).status, 401);
  EXPECT_EQ(Get("/api/v1/status", {{"Origin", "http://localhost:3000"}}).status, 200);
}

TEST_F(AuthTest, OptionsThatLetNobodyInOrWeakTokensAreRefused) {
  EXPECT_FALSE(Authenticator::Open({}).ok());
  EXPECT_FALSE(Authenticator::Open({.token_file = token_file_ + ".absent"}).ok());
  WriteTokens("short\n");
  EXPECT_FALSE(Authenticator::Open({.token_file = token_file_}).ok());
  WriteTokens("# none\n");
  EXPECT_FALSE(Authenticator::Open({.token_file = token_file_}).ok());
}

TEST(IsLoopback, KnowsTheMachinesOwnNamesOnly) {
  for (const char* yes :
       {"127.0.0.1", "127.9.8.7:80", "localhost", "localhost:8080", "[::1]:80", "::1", "::ffff:127.0.0.1"}) {
    EXPECT_TRUE(IsLoopback(yes)) << yes;
  }
  for (const char* no :
       {"10.0.0.1", "127.evil.example", "localhost.evil.example", "128.0.0.1", "", "::2", "127.0.0.1.evil.example"}) {
    EXPECT_FALSE(IsLoopback(no)) << no;
  }
}

}  // namespace
}  // namespace perennial::api
