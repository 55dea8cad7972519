#include "serving/http/router.h"

#include <gtest/gtest.h>

namespace perennial::http {
namespace {

Router MakeRouter() {
  Router router;
  const Handler none = [](const Request&, Response&) {};
  router.Add("GET", "/v2/models/{model}", none);
  router.Add("GET", "/v2/models/stats", none);
  router.Add("DELETE", "/v2/models/{model}", none);
  router.Add("GET", "/", none);
  return router;
}

TEST(Router, BindsNamesAndPrefersLiterals) {
  const Router router = MakeRouter();
  const auto named = router.Find("GET", {"v2", "models", "m/1"});
  ASSERT_NE(named.handler, nullptr);
  EXPECT_EQ(named.params.at("model"), "m/1");
  const auto literal = router.Find("GET", {"v2", "models", "stats"});
  ASSERT_NE(literal.handler, nullptr);
  EXPECT_TRUE(literal.params.empty());
  EXPECT_NE(router.Find("GET", {""}).handler, nullptr);
  EXPECT_NE(router.Find("HEAD", {"v2", "models", "x"}).handler, nullptr);
}

TEST(Router, NamesTheMethodsOfAKnownPath) {
  const Router router = MakeRouter();
  const auto other = router.Find("PUT", {"v2", "models", "m"});
  EXPECT_EQ(other.handler, nullptr);
  EXPECT_EQ(other.allowed, (std::vector<std::string>{"GET", "DELETE"}));
  EXPECT_TRUE(router.Find("GET", {"v2"}).allowed.empty());
  EXPECT_TRUE(router.Find("GET", {"v2", "models", ""}).allowed.empty());
}

}  // namespace
}  // namespace perennial::http
