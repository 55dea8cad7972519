#include <regex>
#include <set>
#include <sstream>

#include "api/prometheus_text.h"
#include "tests/api/fixture.h"

namespace perennial::api {
namespace {

TEST(PrometheusText, WritesFamiliesAndEscapesLabels) {
  PrometheusText text;
  text.Counter("a_total", "Things.", 3);
  text.Family("b", "gauge", "Others.");
  text.Sample(0.5, {{"x", "say \"hi\"\\\n"}, {"y", "z"}});
  EXPECT_EQ(text.Take(),
            "# HELP a_total Things.\n# TYPE a_total counter\na_total 3\n# HELP b Others.\n# TYPE b gauge\n"
            "b{x=\"say \\\"hi\\\"\\\\\\n\",y=\"z\"} 0.5\n");
}

TEST(PrometheusText, NumbersThatAreNotFinite) {
  PrometheusText text;
  text.Family("a", "gauge", "A.");
  text.Sample(std::nan(""));
  text.Sample(HUGE_VAL);
  EXPECT_NE(text.Take().find("a NaN\na +Inf\n"), std::string::npos);
}

using MetricsTest = ApiTest;

TEST_F(MetricsTest, EveryLineIsWellFormedAndEveryFamilyIsDeclaredOnce) {
  trainer_.SetShadow("naive", {});
  trainer_.SetRecords({{"main", {EvaluationRecord{}}}});
  updates_.SetNodes({updater::NodeStatus{}});
  Release(1);
  Get("/api/v1/status");
  std::istringstream lines(Get("/metrics").raw.body);
  const std::regex sample(R"re([a-z_]+(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? (NaN|[+-]Inf|[-+0-9.e]+))re");
  std::set<std::string> families;
  std::string family, line;
  while (std::getline(lines, line)) {
    if (line.starts_with("# HELP ")) continue;
    if (line.starts_with("# TYPE ")) {
      std::istringstream words(line.substr(7));
      std::string type;
      words >> family >> type;
      EXPECT_TRUE(families.insert(family).second) << family;
      EXPECT_EQ(type == "counter", family.ends_with("_total")) << family;
      continue;
    }
    EXPECT_TRUE(std::regex_match(line, sample)) << line;
    EXPECT_TRUE(line.starts_with(family)) << line;
  }
  EXPECT_TRUE(families.contains("perennial_samples_accepted_total"));
  EXPECT_TRUE(families.contains("perennial_http_request_duration_seconds"));
}

TEST_F(MetricsTest, CountsWhatHappened) {
  PostRaw("/api/v1/samples/bulk", Line("1", "a", "b") + "nonsense\n", "application/x-ndjson");
  const std::string text = Get("/metrics").raw.body;
  EXPECT_NE(text.find("perennial_samples_accepted_total 1\n"), std::string::npos);
  EXPECT_NE(text.find("perennial_samples_quarantined_total 1\n"), std::string::npos);
  EXPECT_NE(text.find(R"(perennial_http_requests_total{method="POST",route="/api/v1/samples/bulk",status="2xx"} 1)"),
            std::string::npos);
}

}  // namespace
}  // namespace perennial::api
