#include "storage/base/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/base/env.h"

namespace perennial {
namespace {

ConfigTable Parse(std::string_view text) { return ConfigTable::Parse(text, "hub.toml").value(); }

TEST(ConfigTable, ReadsEveryType) {
  ConfigTable table = Parse(
      "s = 'x'\ni = -3\nf = 0.5\nwhole = 2\nb = true\nlist = ['a', 'b']\n[t]\nk = 'v'\n[[many]]\nn = 1\n[[many]]\nn = "
      "2\n");
  EXPECT_EQ(table.String("s").value(), "x");
  EXPECT_EQ(table.Integer("i").value(), -3);
  EXPECT_EQ(table.Float("f").value(), 0.5);
  EXPECT_EQ(table.Float("whole").value(), 2.0);
  EXPECT_EQ(table.Bool("b").value(), true);
  EXPECT_THAT(*table.Strings("list").value(), testing::ElementsAre("a", "b"));
  EXPECT_EQ(table.Table("t").value()->String("k").value(), "v");
  int64_t sum = 0;
  for (ConfigTable& one : table.Tables("many").value()) sum += *one.Integer("n").value();
  EXPECT_EQ(sum, 3);
  EXPECT_TRUE(table.RejectUnknown().ok());
}

TEST(ConfigTable, AbsentIsNotWrong) {
  ConfigTable table = Parse("");
  EXPECT_EQ(table.String("x").value(), std::nullopt);
  EXPECT_FALSE(table.Table("x").value().has_value());
  EXPECT_TRUE(table.Tables("x").value().empty());
  EXPECT_TRUE(table.RejectUnknown().ok());
}

TEST(ConfigTable, WrongTypesNameTheKey) {
  ConfigTable table = Parse("i = 'three'\ns = 3\nl = ['a', 1]\nt = 1\n[u]\nf = true\n");
  EXPECT_EQ(table.Integer("i").status().message(), "hub.toml: i must be an integer");
  EXPECT_EQ(table.String("s").status().code(), Code::kInvalidArgument);
  EXPECT_EQ(table.Strings("l").status().message(), "hub.toml: l must be a list of strings");
  EXPECT_FALSE(table.Table("t").ok());
  EXPECT_FALSE(table.Tables("t").ok());
  EXPECT_FALSE(table.Integer("u").ok());
  EXPECT_EQ(table.Table("u").value()->Float("f").status().message(), "hub.toml: u.f must be a number");
}

TEST(ConfigTable, UnknownKeysAreErrorsWithAHint) {
  ConfigTable table = Parse("capacty = 1\n");
  (void)table.Integer("capacity").ok();
  const Status unknown = table.RejectUnknown();
  EXPECT_EQ(unknown.code(), Code::kInvalidArgument);
  EXPECT_NE(unknown.message().find("capacty"), std::string::npos);
  EXPECT_EQ(unknown.hint(), "did you mean 'capacity'?");
}

TEST(ConfigTable, UnknownKeysInInnerTablesAreFound) {
  ConfigTable table = Parse("[a]\nx = 1\n[a.b]\ny = 1\n[[c]]\nz = 1\n");
  ConfigTable a = *table.Table("a").value();
  (void)a.Integer("x").ok();
  ConfigTable b = *a.Table("b").value();
  std::vector<ConfigTable> c = table.Tables("c").value();
  EXPECT_NE(table.RejectUnknown().message().find("a.b.y"), std::string::npos);
  (void)b.Integer("y").ok();
  EXPECT_NE(table.RejectUnknown().message().find("c[0].z"), std::string::npos);
  (void)c[0].Integer("z").ok();
  EXPECT_TRUE(table.RejectUnknown().ok());
}

TEST(ConfigTable, SyntaxErrorsGiveLineAndColumn) {
  const Status status = ConfigTable::Parse("ok = 1\nbad = = 2\n", "hub.toml").status();
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_TRUE(status.message().starts_with("hub.toml:2:")) << status.message();
}

TEST(ConfigTable, LoadsFilesAndSaysWhenThereIsNone) {
  const TemporaryFolder folder = TemporaryFolder::Make("config").value();
  const std::string path = folder.path() + "/hub.toml";
  EXPECT_EQ(ConfigTable::Load(path).status().code(), Code::kNotFound);
  ASSERT_TRUE(Env::Posix().WriteFileAtomic(path, "a = 1", 0644).ok());
  EXPECT_EQ(ConfigTable::Load(path)->Integer("a").value(), 1);
}

TEST(ClosestWord, SuggestsTypingErrorsOnly) {
  const std::vector<std::string> verbs = {"status", "rollback", "promote", "feed", "ab"};
  EXPECT_EQ(ClosestWord("satus", verbs), "status");
  EXPECT_EQ(ClosestWord("rolback", verbs), "rollback");
  EXPECT_EQ(ClosestWord("rollbcak", verbs), "rollback");
  EXPECT_EQ(ClosestWord("fed", verbs), "feed");
  EXPECT_EQ(ClosestWord("generate", verbs), "");
  EXPECT_EQ(ClosestWord("xy", verbs), "");
  EXPECT_EQ(ClosestWord("", verbs), "");
  EXPECT_EQ(ClosestWord("x", {}), "");
}

}  // namespace
}  // namespace perennial
