#include "serving/edge/address.h"

#include <gtest/gtest.h>

namespace perennial::edge {
namespace {

TEST(ParseAddress, ReadsHostAndPort) {
  std::string host;
  int port = -1;
  ASSERT_TRUE(ParseAddress("127.0.0.1:0", host, port).ok());
  EXPECT_EQ(host, "127.0.0.1");
  EXPECT_EQ(port, 0);
  ASSERT_TRUE(ParseAddress("[::1]:8080", host, port).ok());
  EXPECT_EQ(host, "::1");
  EXPECT_EQ(port, 8080);
}

TEST(ParseAddress, RefusesEverythingElseAndSaysHow) {
  for (const char* text :
       {"", "host", ":80", "host:", "host:x", "host:70000", "host:-1", "[]:1", "[::1:80", "host:80 "}) {
    std::string host;
    int port = 0;
    const Status status = ParseAddress(text, host, port);
    EXPECT_EQ(status.code(), Code::kInvalidArgument) << text;
    EXPECT_FALSE(status.hint().empty());
  }
}

}  // namespace
}  // namespace perennial::edge
