#include "api/bench/continual_answers.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/bench/pictures.h"

namespace perennial::bench {
namespace {

// Two slices of two test samples each: classes 0 and 1, 2 and 3.
struct World {
  LabelledData data = PlainData(4, 4, 1);
  ContinualStream stream;
  ContinualRecord record;

  World() {
    stream.data = &data;
    stream.slices = {"0+1", "2+3"};
    stream.parts = {{"0+1", {{0, 0}}}, {"2+3", {{10, 1}}}};
    stream.tests = {{{4, 0}, {9, 0}}, {{14, 1}, {19, 1}}};
    stream.gate.resize(2);
  }
  static Respondent Says(std::vector<std::vector<uint32_t>> labels) {
    Respondent who;
    for (uint32_t slice = 0; slice < labels.size(); ++slice) {
      who.seen.push_back(slice);
      for (uint32_t at = 0; at < labels[slice].size(); ++at) who.tests[slice].push_back({at, labels[slice][at], 0.5F});
    }
    return who;
  }
  static Moment Served(uint64_t version, std::vector<uint32_t> seen, std::vector<uint32_t> ended, bool accepted) {
    Moment moment;
    moment.served = version;
    moment.seen = std::move(seen);
    moment.ended = std::move(ended);
    moment.accepted = accepted;
    return moment;
  }
};

TEST(ContinualFigures, AreWhatTheirDefinitionsSay) {
  World world;
  ContinualRecord& record = world.record;
  record.versions = {World::Says({{0, 1}}), World::Says({{0, 2}, {2, 2}})};
  record.versions[0].tests[1] = {{0, 0, 0.5F}, {1, 0, 0.5F}};  // asked later on the slice it had not seen
  record.moments = {World::Served(1, {0}, {}, true), World::Served(1, {0, 1}, {0}, false),
                    World::Served(2, {0, 1}, {0}, true)};
  record.moments[1].network = World::Says({{0, 2}});
  record.moments[2].network = World::Says({{0, 1}});
  record.part_ends = {World::Says({{0, 1}}), World::Says({{2, 2}, {2, 3}})};
  record.network = record.part_ends.back();
  record.served = record.versions.back();
  record.stream = {{{0, 0}, 1, 0, 0}, {{0, 0}, 1, 1, 0}};
  const auto values = ComputeFigures(world.stream, record).values;
  EXPECT_DOUBLE_EQ(values.at("average_accuracy"), 0.5);
  EXPECT_DOUBLE_EQ(values.at("network_accuracy"), 0.5);
  EXPECT_DOUBLE_EQ(values.at("balanced_accuracy"), 0.5);
  // 1 of slice one; then (1 + 0) / 2; then (0.5 + 0.5) / 2.
  EXPECT_DOUBLE_EQ(values.at("anytime_accuracy"), (1 + 0.5 + 0.5) / 3);
  EXPECT_DOUBLE_EQ(values.at("worst_old_accuracy"), 0.5);
  EXPECT_DOUBLE_EQ(values.at("network_worst_old_accuracy"), 0.5);
  EXPECT_DOUBLE_EQ(values.at("forgetting"), 1);
  EXPECT_DOUBLE_EQ(values.at("backward_transfer"), -1);
  EXPECT_DOUBLE_EQ(values.at("negative_flip_rate"), 0.5);
  EXPECT_DOUBLE_EQ(values.at("prequential_accuracy"), 0.5);
  EXPECT_DOUBLE_EQ(values.at("versions_published"), 2);
  EXPECT_DOUBLE_EQ(values.at("refused_candidates"), 1);
}

TEST(ContinualFigures, ThereIsNoForgettingWithoutBoundaries) {
  World world;
  world.stream.parts = {{"all", {{0, 0}, {10, 1}}}};
  world.record.versions = {World::Says({{0, 1}, {2, 3}})};
  world.record.moments = {World::Served(1, {0, 1}, {}, true)};
  world.record.part_ends = {world.record.versions[0]};
  world.record.network = world.record.served = world.record.versions[0];
  const auto values = ComputeFigures(world.stream, world.record).values;
  EXPECT_DOUBLE_EQ(values.at("average_accuracy"), 1);
  for (const char* name : {"forgetting", "backward_transfer", "worst_old_accuracy", "network_worst_old_accuracy",
                           "negative_flip_rate"}) {
    EXPECT_TRUE(std::isnan(values.at(name))) << name;
  }
}

// `correct` of `count` gate answers to one slice are right.
Respondent GateScore(uint32_t count, uint32_t correct) {
  Respondent who;
  who.seen = {0};
  for (uint32_t at = 0; at < count; ++at) who.gate[0].push_back({at, at < correct ? 0u : 1u, 0.5F});
  return who;
}

double Violations(uint32_t count, uint32_t before, uint32_t now) {
  World world;
  world.stream.gate[0].assign(count, {0, 0});
  world.record.versions = {GateScore(count, before), GateScore(count, now)};
  return ComputeFigures(world.stream, world.record).values.at("gate_violations");
}

TEST(ContinualFigures, AFallOfMoreThanTwoPointsIsAViolation) {
  EXPECT_EQ(Violations(1000, 900, 881), 0);
  EXPECT_EQ(Violations(1000, 900, 879), 1);
  EXPECT_EQ(Violations(100, 90, 86), 0) << "four points of a hundred may be chance";
  EXPECT_EQ(Violations(100, 90, 75), 1) << "fifteen are not";
  EXPECT_EQ(Violations(1000, 879, 900), 0);
}

TEST(AnswerByCounting, GivesTheMostFrequentAnswerOfTheQuestion) {
  LabelledData data;
  data.labels = {"no", "yes"};
  const auto add = [&](const char* question, const char* answer) {
    format::Sample sample;
    sample.text = question;
    sample.label = answer;
    data.samples.push_back(sample);
  };
  add("a", "yes");
  add("a", "yes");
  add("a", "no");
  add("b", "no");
  add("b", "no");
  add("c", "yes");
  ContinualStream stream;
  stream.data = &data;
  stream.slices = {"all"};
  stream.parts = {{"all", {{0, 0}, {1, 0}, {2, 0}, {3, 0}, {4, 0}}}};
  stream.tests = {{{0, 0}, {3, 0}, {5, 0}}};
  const auto who = AnswerByCounting(stream);
  const auto& question = who.at("question_only").tests.at(0);
  EXPECT_EQ(question[0].predicted, 1u);
  EXPECT_EQ(question[1].predicted, 0u);
  EXPECT_EQ(question[2].predicted, 0u) << "a new question gets the overall majority";
  for (const Answer& answer : who.at("majority").tests.at(0)) EXPECT_EQ(answer.predicted, 0u);
}

}  // namespace
}  // namespace perennial::bench
