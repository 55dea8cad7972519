#include "api/hub/settings.h"

#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "api/hub/hub_options.h"
#include "trainer/strategy.h"

namespace perennial::hub {
namespace {

Status LoadText(const SettingTable& table, const std::string& toml) {
  auto config = ConfigTable::Parse(toml, "hub.toml");
  EXPECT_TRUE(config.ok()) << config.status().ToString();
  return table.Load(*config);
}

TEST(Settings, TheConfigFileFillsEveryType) {
  HubOptions options;
  const SettingTable table = Bind(options);
  const Status loaded =
      LoadText(table,
               "[hub]\nspec = \"tiny\"\ninit_keys = true\n[trainer]\nlearning_rate = 0.01\nseed = 9\n"
               "[canary]\ndeadline_s = 1.5\nweight_permille = 100\n[http]\nlisten = \"0.0.0.0:80\"\n");
  ASSERT_TRUE(loaded.ok()) << loaded.ToString();
  EXPECT_EQ(options.spec, "tiny");
  EXPECT_TRUE(options.init_keys);
  EXPECT_EQ(options.trainer.learning_rate, 0.01);
  EXPECT_EQ(options.trainer.seed, 9u);
  EXPECT_EQ(options.canary.deadline, std::chrono::milliseconds(1500));
  EXPECT_EQ(options.canary.weight_permille, 100u);
}

TEST(Settings, AnUnknownKeyIsAnErrorThatNamesTheClosest) {
  HubOptions options;
  const Status wrong = LoadText(Bind(options), "[trainer]\nlearning_rat = 0.01\n");
  EXPECT_EQ(wrong.code(), Code::kInvalidArgument);
  EXPECT_NE(wrong.hint().find("learning_rate"), std::string::npos);
  EXPECT_FALSE(LoadText(Bind(options), "[trainers]\nseed = 1\n").ok());
}

TEST(Settings, WrongTypesAndRangesAreRefused) {
  HubOptions options;
  const SettingTable table = Bind(options);
  EXPECT_FALSE(LoadText(table, "[trainer]\nseed = \"one\"\n").ok());
  EXPECT_FALSE(LoadText(table, "[trainer]\nseed = -1\n").ok());
  EXPECT_FALSE(LoadText(table, "[canary]\nweight_permille = 5000000000\n").ok());
  EXPECT_FALSE(LoadText(table, "[canary]\ndeadline_s = -2.0\n").ok());
}

TEST(Settings, WhatIsPrintedLoadsBackToTheSame) {
  HubOptions first;
  const SettingTable table = Bind(first);
  first.data = "a \"folder\" with \\";
  first.trainer.learning_rate = 1e-5;
  first.canary.deadline = std::chrono::milliseconds(2500);
  first.auth.open_loopback = true;
  HubOptions second;
  const SettingTable again = Bind(second);
  const Status loaded = LoadText(again, table.Print());
  ASSERT_TRUE(loaded.ok()) << loaded.ToString();
  EXPECT_EQ(again.Print(), table.Print());
  EXPECT_EQ(second.data, first.data);
}

TEST(Settings, EveryFlagAndEveryKeyIsThereOnce) {
  HubOptions options;
  std::set<std::string> flags, keys;
  const SettingTable table = Bind(options);
  for (const Setting& setting : table.settings()) {
    EXPECT_TRUE(flags.insert(setting.flag).second) << setting.flag;
    EXPECT_TRUE(keys.insert(setting.section + "." + setting.key).second) << setting.key;
    EXPECT_FALSE(setting.help.empty());
  }
}

TEST(Settings, FlagsAreChecked) {
  HubOptions options;
  const SettingTable table = Bind(options);
  for (const Setting& setting : table.settings()) {
    if (setting.flag == "--seed") {
      EXPECT_FALSE(setting.Set("1x").ok());
    }
    if (setting.flag == "--seed") {
      EXPECT_TRUE(setting.Set("12").ok());
    }
    if (setting.flag == "--canary-weight") {
      EXPECT_FALSE(setting.Set("5000000000").ok());
    }
    if (setting.flag == "--learning-rate") {
      EXPECT_FALSE(setting.Set("fast").ok());
    }
  }
  EXPECT_EQ(options.trainer.seed, 12u);
}

// Finding: a hub did not train a network by the recipe that was chosen for its family.
TEST(HubOptions, TakeTheRecipeOfTheirNetworkWhereNothingElseWasGiven) {
  HubOptions options;
  const SettingTable table = Bind(options);
  ASSERT_TRUE(options.Fill([&] { return LoadText(table, "[hub]\nspec = \"mlp\"\n"); }).ok());
  EXPECT_EQ(options.trainer.optimiser, "sgd");
  trainer::TrainerOptions recipe;
  recipe.UseRecipeOf(options.trainer.spec);
  EXPECT_EQ(options.trainer.learning_rate, recipe.learning_rate);
  EXPECT_NE(options.trainer.learning_rate, trainer::TrainerOptions().learning_rate);
  EXPECT_EQ(options.trainer.augment.share, recipe.augment.share);
  EXPECT_NE(table.Print().find("optimiser = \"sgd\""), std::string::npos) << "the printed config is the effective one";

  HubOptions given;
  const SettingTable again = Bind(given);
  ASSERT_TRUE(given
                  .Fill([&] {
                    return LoadText(again, "[hub]\nspec = \"mlp\"\n[trainer]\nlearning_rate = 0.01\nmomentum = 0.9\n");
                  })
                  .ok());
  EXPECT_EQ(given.trainer.learning_rate, 0.01) << "what is given goes over the recipe";
  EXPECT_EQ(given.trainer.momentum, 0.9);
  EXPECT_EQ(given.trainer.optimiser, "sgd");

  HubOptions compact;
  const SettingTable third = Bind(compact);
  ASSERT_TRUE(compact.Fill([&] { return LoadText(third, "[trainer]\noptimiser = \"sgd\"\n"); }).ok());
  EXPECT_EQ(compact.trainer.optimiser, "sgd");
  EXPECT_EQ(compact.trainer.learning_rate, trainer::TrainerOptions().learning_rate);

  HubOptions wrong;
  const SettingTable fourth = Bind(wrong);
  EXPECT_FALSE(wrong.Fill([&] { return LoadText(fourth, "[hub]\nspec = \"enormous\"\n"); }).ok());
  EXPECT_FALSE(wrong.Fill([&] { return LoadText(fourth, "[trainer]\noptimizer = \"sgd\"\n"); }).ok());
}

TEST(HubOptions, ResolveNamesWhatIsWrong) {
  const auto resolve = [](const std::function<void(HubOptions&)>& change) {
    HubOptions options;
    options.auth.open_loopback = true;
    change(options);
    return options.Resolve();
  };
  EXPECT_TRUE(resolve([](HubOptions&) {}).ok());
  EXPECT_FALSE(resolve([](HubOptions& o) { o.auth.open_loopback = false; }).ok()) << "nobody could get in";
  EXPECT_FALSE(resolve([](HubOptions& o) { o.listen = "8080"; }).ok());
  EXPECT_FALSE(resolve([](HubOptions& o) { o.listen = "127.0.0.1:99999"; }).ok());
  EXPECT_TRUE(resolve([](HubOptions& o) { o.listen = "[::1]:0"; }).ok());
  EXPECT_FALSE(resolve([](HubOptions& o) { o.spec = "enormous"; }).ok());
  EXPECT_FALSE(resolve([](HubOptions& o) { o.shadow = "clever"; }).ok());
  EXPECT_FALSE(resolve([](HubOptions& o) { o.shadow = "naive,naive"; }).ok());
  EXPECT_FALSE(resolve([](HubOptions& o) { o.shadow = "naive,"; }).ok());
  EXPECT_TRUE(resolve([](HubOptions& o) { o.shadow = "naive, er,retrain"; }).ok());
  EXPECT_FALSE(resolve([](HubOptions& o) { o.shadow = ",naive"; }).ok());
  EXPECT_FALSE(resolve([](HubOptions& o) { o.shadows.share = 0; }).ok());
  EXPECT_FALSE(resolve([](HubOptions& o) { o.shadows.retrain_every = 0; }).ok());
  EXPECT_FALSE(resolve([](HubOptions& o) { o.replay_policy = "all"; }).ok());
  EXPECT_FALSE(resolve([](HubOptions& o) { o.trainer.learning_rate = 0; }).ok());
  EXPECT_FALSE(resolve([](HubOptions& o) { o.service.candidate_every_samples = 0; }).ok());
}

TEST(HubOptions, EveryShadowMayBeStarted) {
  HubOptions options;
  for (const std::string& strategy : trainer::StrategyNames()) {
    const trainer::TrainerOptions shadow = ShadowOf(options.trainer, strategy);
    EXPECT_TRUE(shadow.Validate().ok()) << strategy << ": " << shadow.Validate().ToString();
    EXPECT_TRUE(shadow.replay.Validate().ok()) << strategy << ": " << shadow.replay.Validate().ToString();
    EXPECT_EQ(shadow.strategy, strategy);
  }
}

TEST(HubOptions, TheTrainerReadsPicturesByTheLimitsTheyAreTakenBy) {
  HubOptions options;
  options.auth.open_loopback = true;
  options.samples.image_limits.max_side = 9000;
  ASSERT_TRUE(options.Resolve().ok());
  EXPECT_EQ(options.trainer.image_limits.max_side, 9000);
}

}  // namespace
}  // namespace perennial::hub
