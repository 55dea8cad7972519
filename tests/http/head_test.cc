#include "serving/http/head.h"

#include <gtest/gtest.h>

namespace perennial::http {
namespace {

int Refusal(const std::string& text, HeadLimits limits = {}) {
  Head head;
  const auto refused = ParseHead(text, limits, head);
  return refused ? refused->http_status : 0;
}

TEST(Head, ReadsLineQueryAndHeaders) {
  Head head;
  ASSERT_FALSE(ParseHead("POST /a%20b/c%2Fd?x=1+2&y=%41 HTTP/1.1\r\nHost: h\r\nContent-LENGTH:  7 \r\n\r\n", {}, head));
  EXPECT_EQ(head.method, "POST");
  EXPECT_EQ(head.path, "/a b/c/d");
  EXPECT_EQ(head.segments, (std::vector<std::string>{"a b", "c/d"}));
  EXPECT_EQ(head.query.at("x"), "1 2");
  EXPECT_EQ(head.query.at("y"), "A");
  EXPECT_EQ(head.content_length, 7u);
  EXPECT_TRUE(head.keep_alive);
}

TEST(Head, ClosesByDefaultInHttp10AndOnRequest) {
  Head old;
  ASSERT_FALSE(ParseHead("GET / HTTP/1.0\r\n\r\n", {}, old));
  EXPECT_FALSE(old.keep_alive);
  Head close;
  ASSERT_FALSE(ParseHead("GET / HTTP/1.1\r\nConnection: Close\r\n\r\n", {}, close));
  EXPECT_FALSE(close.keep_alive);
}

TEST(Head, RefusesMalformedLines) {
  for (const char* line : {"GET", "GET /", "GET  HTTP/1.1", " / HTTP/1.1", "G\tT / HTTP/1.1", "GET x HTTP/1.1",
                           "GET /\x01 HTTP/1.1", "GET /%zz HTTP/1.1", "GET /%4 HTTP/1.1", "GET /%00 HTTP/1.1",
                           "GET /a b HTTP/1.1", "GET /?a=%f HTTP/1.1", "GET / http/1.1", "\x16\x03\x01"}) {
    EXPECT_EQ(Refusal(std::string(line) + "\r\n\r\n"), 400) << line;
  }
  EXPECT_EQ(Refusal("GET / HTTP/2.0\r\n\r\n"), 505);
}

TEST(Head, RefusesAmbiguousLengths) {
  const std::string line = "POST / HTTP/1.1\r\n";
  EXPECT_EQ(Refusal(line + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
  EXPECT_EQ(Refusal(line + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n"), 400);
  EXPECT_EQ(Refusal(line + "Content-Length: 1\r\nContent-Length: 1\r\n\r\n"), 0);
  EXPECT_EQ(Refusal(line + "Content-Length: -1\r\n\r\n"), 400);
  EXPECT_EQ(Refusal(line + "Content-Length: 0x10\r\n\r\n"), 400);
  EXPECT_EQ(Refusal(line + "Content-Length: +5\r\n\r\n"), 400);
  EXPECT_EQ(Refusal(line + "Content-Length:\r\n\r\n"), 400);
  EXPECT_EQ(Refusal(line + "Transfer-Encoding: gzip, chunked\r\n\r\n"), 501);
}

TEST(Head, RefusesBodiesOverTheLimitBeforeTheyCome) {
  HeadLimits limits;
  limits.max_body_bytes = 100;
  EXPECT_EQ(Refusal("POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\n", limits), 0);
  EXPECT_EQ(Refusal("POST / HTTP/1.1\r\nContent-Length: 101\r\n\r\n", limits), 413);
  EXPECT_EQ(Refusal("POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999999\r\n\r\n", limits), 413);
}

TEST(Head, RefusesSmugglingTricksInHeaders) {
  for (const char* header : {"Name : x", " folded", ": x", "no colon", "A\x01: x", "A: b\x01", "A: b\nC: d"}) {
    EXPECT_EQ(Refusal("GET / HTTP/1.1\r\nX: y\r\n" + std::string(header) + "\r\n\r\n"), 400) << header;
  }
}

TEST(Head, LimitsPathHeadersAndQuery) {
  EXPECT_EQ(Refusal("GET /" + std::string(511, 'a') + " HTTP/1.1\r\n\r\n"), 0);
  EXPECT_EQ(Refusal("GET /" + std::string(512, 'a') + " HTTP/1.1\r\n\r\n"), 414);
  std::string many = "GET / HTTP/1.1\r\n";
  for (int i = 0; i < 100; ++i) many += "A: b\r\n";
  EXPECT_EQ(Refusal(many + "\r\n"), 0);
  EXPECT_EQ(Refusal(many + "A: b\r\n\r\n"), 431);
  std::string query = "GET /?";
  for (int i = 0; i < 65; ++i) query.append("a").append(std::to_string(i)).append("=1&");
  EXPECT_EQ(Refusal(query + " HTTP/1.1\r\n\r\n"), 400);
}

TEST(Head, EveryCutOffHeadIsRefusedAndNoneCrashes) {
  const std::string whole = "POST /a/b?c=%20d HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n";
  ASSERT_EQ(Refusal(whole), 0);
  for (size_t i = 0; i < whole.size(); ++i) EXPECT_NE(Refusal(whole.substr(0, i)), 0) << i;
}

}  // namespace
}  // namespace perennial::http
