#include "serving/http/body_reader.h"

#include <gtest/gtest.h>

namespace perennial::http {
namespace {

Head Chunked() {
  Head head;
  head.chunked = true;
  return head;
}

// Feeds `bytes` cut at `cut`; the refusal's status, or 0.
int FeedAll(BodyReader& reader, const std::string& bytes, size_t cut) {
  std::string input = bytes.substr(0, cut);
  if (auto refused = reader.Feed(input)) return refused->http_status;
  input += bytes.substr(cut);
  const auto refused = reader.Feed(input);
  return refused ? refused->http_status : 0;
}

TEST(BodyReader, TakesExactlyContentLengthAndLeavesTheNextRequest) {
  Head head;
  head.content_length = 5;
  BodyReader reader;
  reader.Begin(head, 100);
  std::string input = "helloGET /";
  ASSERT_FALSE(reader.Feed(input));
  EXPECT_TRUE(reader.done());
  EXPECT_EQ(reader.Take(), "hello");
  EXPECT_EQ(input, "GET /");
}

TEST(BodyReader, JoinsChunksWhereverTheBytesAreCut) {
  const std::string wire = "5;name=\"x\"\r\nhello\r\n1\r\n!\r\nA\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n";
  for (size_t cut = 0; cut <= wire.size(); ++cut) {
    BodyReader reader;
    reader.Begin(Chunked(), 100);
    EXPECT_EQ(FeedAll(reader, wire, cut), 0) << cut;
    EXPECT_TRUE(reader.done()) << cut;
    EXPECT_EQ(reader.Take(), "hello!0123456789") << cut;
  }
}

TEST(BodyReader, RefusesChunksOverTheLimitAndMalformedOnes) {
  const auto refusal = [](const std::string& wire) {
    BodyReader reader;
    reader.Begin(Chunked(), 10);
    return FeedAll(reader, wire, wire.size());
  };
  EXPECT_EQ(refusal("A\r\n0123456789\r\n0\r\n\r\n"), 0);
  EXPECT_EQ(refusal("B\r\n"), 413);
  EXPECT_EQ(refusal("5\r\n01234\r\n6\r\n"), 413);
  EXPECT_EQ(refusal("FFFFFFFFFFFFFFFF\r\n"), 413);
  EXPECT_EQ(refusal("FFFFFFFFFFFFFFFFFF\r\n"), 413);
  EXPECT_EQ(refusal("-1\r\n"), 400);
  EXPECT_EQ(refusal("x\r\n"), 400);
  EXPECT_EQ(refusal("\r\n"), 400);
  EXPECT_EQ(refusal("2\r\nabc\r\n"), 400);
  EXPECT_EQ(refusal(std::string(300, '1')), 400);
  EXPECT_EQ(refusal("0\r\n" + std::string(9000, 't')), 400);
}

}  // namespace
}  // namespace perennial::http
