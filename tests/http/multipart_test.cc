#include "serving/http/multipart.h"

#include <gtest/gtest.h>

namespace perennial::http {
namespace {

const std::string kBody =
    "preamble\r\n--XX\r\nContent-Disposition: form-data; name=\"image\"; filename=\"a \\\"b\\\".png\"\r\nContent-Type: "
    "image/png\r\n\r\n"
    "\x89PNG\r\n--X\r\n--XX\r\ncontent-disposition: form-data; name=text\r\n\r\n\r\n--XX--\r\n";

TEST(Multipart, ReadsNamesFilesAndBinaryContent) {
  const auto parts = ParseMultipart(kBody, "XX");
  ASSERT_TRUE(parts.ok()) << parts.status().ToString();
  ASSERT_EQ(parts->size(), 2u);
  EXPECT_EQ((*parts)[0].name, "image");
  EXPECT_EQ((*parts)[0].filename, "a \"b\".png");
  EXPECT_EQ((*parts)[0].content_type, "image/png");
  EXPECT_EQ((*parts)[0].content, "\x89PNG\r\n--X");
  EXPECT_EQ((*parts)[1].name, "text");
  EXPECT_EQ((*parts)[1].content, "");
}

TEST(Multipart, FindsTheBoundaryInTheContentType) {
  EXPECT_EQ(MultipartBoundary("multipart/form-data; boundary=abc"), "abc");
  EXPECT_EQ(MultipartBoundary("Multipart/Form-Data; charset=x; boundary=\"a;b\""), "a;b");
  EXPECT_EQ(MultipartBoundary("multipart/form-data"), "");
  EXPECT_EQ(MultipartBoundary("application/json"), "");
  EXPECT_EQ(MultipartBoundary("multipart/form-data; boundary=" + std::string(71, 'a')), "");
}

TEST(Multipart, EveryTruncationIsAnError) {
  const size_t whole = kBody.rfind("--XX--") + 6;
  for (size_t i = 0; i < whole; ++i) {
    EXPECT_FALSE(ParseMultipart(kBody.substr(0, i), "XX").ok()) << i;
  }
}

TEST(Multipart, RefusesLongHeadsTooManyPartsAndNamelessParts) {
  EXPECT_FALSE(
      ParseMultipart(
          "--X\r\nContent-Disposition: form-data; name=\"" + std::string(100'000, 'a') + "\"\r\n\r\n\r\n--X--", "X")
          .ok());
  std::string many;
  for (int i = 0; i < 300; ++i) many += "--X\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n";
  EXPECT_FALSE(ParseMultipart(many + "--X--", "X").ok());
  EXPECT_FALSE(ParseMultipart("--X\r\nContent-Type: a\r\n\r\n\r\n--X--", "X").ok());
}

}  // namespace
}  // namespace perennial::http
