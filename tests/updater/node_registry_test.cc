#include "updater/transport/node_registry.h"

#include <gtest/gtest.h>

#include <cmath>

namespace perennial::transport {
namespace {

Report From(const std::string& name) {
  Report report;
  report.name = name;
  report.state = "IDLE";
  return report;
}

TEST(NodeRegistry, SilentNodeIsLostOnceAndComesBack) {
  ManualClock clock;
  NodeRegistry registry(clock, std::chrono::milliseconds(1500), 8);
  ASSERT_TRUE(registry.OnReport("route-1", From("a")).ok());
  clock.Advance(std::chrono::milliseconds(1500));
  EXPECT_TRUE(registry.TakeSilent().empty());
  EXPECT_EQ(registry.RouteOf("a"), "route-1");
  clock.Advance(std::chrono::milliseconds(1));
  EXPECT_EQ(registry.TakeSilent(), std::vector<std::string>{"a"});
  EXPECT_TRUE(registry.TakeSilent().empty());
  EXPECT_FALSE(registry.Nodes()[0].connected);
  EXPECT_FALSE(registry.RouteOf("a").has_value());
  ASSERT_TRUE(registry.OnReport("route-2", From("a")).ok());
  EXPECT_EQ(registry.RouteOf("a"), "route-2");
}

TEST(NodeRegistry, NodesAreBoundedAndRemovable) {
  ManualClock clock;
  NodeRegistry registry(clock, std::chrono::seconds(1), 2);
  ASSERT_TRUE(registry.OnReport("r", From("a")).ok());
  ASSERT_TRUE(registry.OnReport("r", From("b")).ok());
  EXPECT_EQ(registry.OnReport("r", From("c")).code(), Code::kResourceExhausted);
  EXPECT_TRUE(registry.OnReport("r", From("a")).ok());
  registry.Remove("b");
  EXPECT_TRUE(registry.OnReport("r", From("c")).ok());
}

TEST(NodeRegistry, TextsAndNumbersThatWouldBreakReadersAreTamed) {
  ManualClock clock;
  NodeRegistry registry(clock, std::chrono::seconds(1), 2);
  Report report = From("a");
  report.state = "FETCH\n";
  report.last_error = "\xff\x1b[31m";
  report.arms.push_back({});
  report.arms[0].confidence_sum = std::nan("");
  ASSERT_TRUE(registry.OnReport("r", report).ok());
  EXPECT_EQ(registry.Nodes()[0].state, "FETCH ");
  EXPECT_EQ(registry.Nodes()[0].last_error, "? [31m");
  EXPECT_EQ(registry.Nodes()[0].arms[0].confidence_sum, 0.0);
}

}  // namespace
}  // namespace perennial::transport
