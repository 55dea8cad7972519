#include <algorithm>
#include <set>

#include "tests/api/fixture.h"
#include "tests/api/schema_check.h"

namespace perennial::api {
namespace {

using OpenApiTest = ApiTest;

TEST_F(OpenApiTest, TheDocumentAndTheServerNameTheSameRoutes) {
  std::set<std::string> served, documented;
  for (const Route& route : server_->routes().routes()) served.insert(route.method + " " + route.pattern);
  const auto document = nlohmann::json::parse(OpenApiDocument());
  for (const auto& [path, item] : document["paths"].items()) {
    for (const auto& [method, operation] : item.items()) {
      std::string upper = method;
      std::transform(upper.begin(), upper.end(), upper.begin(), [](unsigned char c) { return std::toupper(c); });
      documented.insert(upper + " " + path);
    }
  }
  EXPECT_EQ(served, documented);
}

TEST_F(OpenApiTest, EveryOperationHasAnIdASummaryAndParametersForItsPath) {
  const auto document = nlohmann::json::parse(OpenApiDocument());
  std::set<std::string> ids;
  for (const auto& [path, item] : document["paths"].items()) {
    for (const auto& [method, operation] : item.items()) {
      EXPECT_TRUE(ids.insert(operation.at("operationId")).second) << path;
      EXPECT_FALSE(operation.at("summary").get<std::string>().empty()) << path;
      EXPECT_FALSE(operation.at("responses").empty()) << path;
      const std::string parameters = operation.value("parameters", nlohmann::json::array()).dump();
      EXPECT_EQ(path.find("{id}") == std::string::npos, parameters.find("parameters/Id\"") == std::string::npos)
          << path;
    }
  }
}

TEST_F(OpenApiTest, EveryReferenceResolves) {
  const auto document = nlohmann::json::parse(OpenApiDocument());
  const auto walk = [&](const auto& self, const nlohmann::json& node) -> void {
    if (node.is_object() && node.contains("$ref")) {
      const auto pointer = nlohmann::json::json_pointer(node["$ref"].get<std::string>().substr(1));
      EXPECT_TRUE(document.contains(pointer)) << node.dump();
    }
    if (node.is_structured()) {
      for (const auto& child : node) self(self, child);
    }
  };
  walk(walk, document);
}

TEST_F(OpenApiTest, IsServed) { EXPECT_EQ(Get("/openapi.json").raw.body, OpenApiDocument()); }

TEST_F(OpenApiTest, TheCheckItselfFindsWhatIsWrong) {
  const auto check = [](int status, const char* body) {
    return CheckAnswer(OpenApiDocument(), "GET", "/healthz", status, "application/json", body).ok();
  };
  EXPECT_TRUE(check(200, R"({"status":"ok"})"));
  EXPECT_FALSE(check(200, R"({"status":"fine"})"));
  EXPECT_FALSE(check(200, R"({})"));
  EXPECT_FALSE(check(200, R"({"status":"ok","extra":1})"));
  EXPECT_FALSE(check(204, R"({"status":"ok"})"));
}

}  // namespace
}  // namespace perennial::api
