#include <gtest/gtest.h>

#include "storage/base/rng.h"
#include "tests/sources/fixtures.h"

namespace perennial::sources {
namespace {

using Lines = std::vector<std::string>;

TEST(Tar, MembersOfOneKeyMakeSamplesOnePerPair) {
  const Data data;
  const std::string tar =
      TarMember("k1.png", Png(1)) + TarMember("k1.json", R"({"id":0,"src":"x","qas":[["q1","a1"],["q2","a2"]]})") +
      TarMember("d/k2.jpg", Png(2)) + TarMember("d/k2.json", R"({"text":"t","label":"l"})") + TarEnd();
  for (const std::string& path : {data.Write("a.tar", tar), data.Write("a.tar.gz", Gzip(tar))}) {
    const auto items = ReadAll(path);
    EXPECT_EQ(Summary(items), (Lines{"q1|a1||train", "q2|a2||train", "t|l||train"}));
    EXPECT_EQ(items[0].sample->id, "k1/0");
    EXPECT_EQ(items[1].sample->id, "k1/1");
    EXPECT_EQ(items[1].sample->group, "k1");
    EXPECT_EQ(items[1].sample->image, Png(1));
    EXPECT_EQ(items[1].sample->meta.at("src"), "x");
    EXPECT_EQ(items[1].pointer, std::filesystem::path(path).filename().string() + "!k1.json qas/1");
    EXPECT_EQ(items[2].sample->id, "d/k2");
  }
}

TEST(Tar, PairsMayBeObjectsAndColumnsAreChosen) {
  const Data data;
  const std::string json =
      R"({"organ":"HEAD","qas":[{"question":"q","answer":"No","qid":7},{"question":"r","answer":5}]})";
  const std::string path = data.Write("a.tar", TarMember("k.png", Png(1)) + TarMember("k.json", json) + TarEnd());
  auto items = ReadAll(path);
  EXPECT_EQ(Summary(items), (Lines{"q|No||train", "r|5||train"}));
  EXPECT_EQ(items[0].sample->meta, (std::map<std::string, std::string>{{"organ", "HEAD"}, {"qid", "7"}}));
  SourceOptions options;
  options.label_field = "qid";
  options.slice_field = "organ";
  EXPECT_EQ(Summary(ReadAll(path, options)), (Lines{"q|7|HEAD|train", "r|-|HEAD|train"}));
}

TEST(Tar, AClassNameIsPreferredToItsNumber) {
  const Data data;
  const std::string tar =
      TarMember("k.png", Png(1)) + TarMember("k.json", R"({"label":3,"class":"scratch"})") + TarEnd();
  EXPECT_EQ(Summary(ReadAll(data.Write("a.tar", tar))), Lines{"|scratch||train"});
  SourceOptions options;
  options.label_field = "label";
  EXPECT_EQ(Summary(ReadAll(data.Write("a.tar", tar), options)), Lines{"|3||train"});
}

TEST(Tar, TextAndClassMembers) {
  const Data data;
  const std::string tar = TarMember("k.png", Png(1)) + TarMember("k.txt", "note\n") + TarMember("k.cls", "7\n") +
                          TarMember("k.wav", "sound") + TarMember(".hidden", "x") + TarEnd();
  EXPECT_EQ(Summary(ReadAll(data.Write("a.tar", tar))), Lines{"note|7||train"});
}

TEST(Tar, KeysOfTwoArchivesDoNotMeet) {
  const Data data;
  data.Write("train.tar", TarMember("k.png", Png(1)) + TarMember("k.cls", "a") + TarEnd());
  data.Write("test.tar", TarMember("k.png", Png(2)) + TarMember("k.cls", "b") + TarEnd());
  const auto items = ReadAll(data.path());
  EXPECT_EQ(Summary(items), (Lines{"|b||test", "|a||train"}));
  EXPECT_EQ(items[0].sample->id, "test/k");
  EXPECT_EQ(items[1].sample->id, "train/k");
  EXPECT_EQ(items[0].sample->source, items[1].sample->source);
}

TEST(Tar, EscapesLinksAndBadJsonAreItemsAndReadingGoesOn) {
  const Data data;
  const std::string tar = TarMember("../evil.png", Png(1)) + TarMember("/abs.png", Png(1)) +
                          TarMember("l.png", "", '2', "/etc/passwd") + TarMember("l.json", R"({"text":"t"})") +
                          TarMember("j.png", Png(1)) + TarMember("j.json", "{") +
                          TarMember("p.json", R"({"qas":[3]})") + TarMember("ok.png", Png(2)) + TarEnd();
  const auto items = ReadAll(data.Write("a.tar", tar));
  EXPECT_EQ(Summary(items), (Lines{"!invalid_argument", "!invalid_argument", "!invalid_argument", "!invalid_argument",
                                   "!invalid_argument", "|-||train"}));
  EXPECT_EQ(items[0].pointer, "a.tar!../evil.png");
  EXPECT_EQ(items[4].pointer, "a.tar!p.json");
}

TEST(Tar, AnArchiveCutAnywhereIsNoticedAndWhatCameBeforeIsKept) {
  const Data data;
  std::string tar;
  for (int i = 0; i < 6; ++i) {
    const std::string key = "k" + std::to_string(i);
    tar += TarMember(key + ".png", Png(static_cast<uint8_t>(i))) + TarMember(key + ".cls", "c");
  }
  tar += TarEnd();
  const auto check = [&](const std::string& path, size_t size) {
    const auto items = ReadAll(path);
    ASSERT_FALSE(items.empty()) << size;
    for (size_t i = 0; i + 1 < items.size(); ++i) EXPECT_TRUE(items[i].sample.ok()) << size;
    EXPECT_EQ(items.back().sample.status().code(), Code::kCorruption) << size;
    EXPECT_EQ(items.back().pointer.substr(0, 2), "c.") << size;
  };
  // Cuts within the end mark lose nothing.
  const size_t members_end = tar.size() - TarEnd().size();
  for (size_t size = 0; size < members_end; size += 64) check(data.Write("c.tar", tar.substr(0, size)), size);
  const std::string packed = Gzip(tar);
  for (size_t size = 0; size < packed.size(); size += 7) check(data.Write("c.tar.gz", packed.substr(0, size)), size);
}

TEST(Tar, RandomDamageEndsCleanly) {
  const Data data;
  const std::string tar = TarMember("k.png", Png(1)) + TarMember("k.json", R"({"qas":[["q","a"]]})") +
                          TarMember("l.png", Png(2)) + TarMember("l.cls", "c") + TarEnd();
  for (uint64_t round = 0; round < 300; ++round) {
    Rng rng(6, round);
    std::string bytes = tar;
    for (int i = 0; i < 4; ++i) bytes[rng.Below(bytes.size())] = static_cast<char>(rng.Below(256));
    EXPECT_LE(ReadAll(data.Write("r.tar", bytes)).size(), 8u);
  }
}

TEST(Tar, AMemberAboveTheLimitIsRefusedWithItsKey) {
  const Data data;
  const std::string tar = TarMember("k.png", std::string(5000, 'x')) + TarMember("k.cls", "c") +
                          TarMember("l.cls", "c") + TarMember("l.txt", "t") + TarEnd();
  SourceOptions options;
  options.limits.max_image_bytes = 1000;
  EXPECT_EQ(Summary(ReadAll(data.Write("a.tar", tar), options)), (Lines{"!resource_exhausted", "t|c||train"}));
}

TEST(Tar, OneUnreadableArchiveDoesNotEndTheFolder) {
  const Data data;
  data.Write("a.tar", "this is no tar at all, only a line of text that is a little longer than nothing");
  data.Write("b.tar", TarMember("k.png", Png(1)) + TarEnd());
  data.Write("c.tar", "");
  EXPECT_EQ(Summary(ReadAll(data.path())), (Lines{"!corruption", "|-||train", "!corruption"}));
}

}  // namespace
}  // namespace perennial::sources
