#pragma once

#include <functional>
#include <string>

#include "api/auth.h"
#include "api/hub/settings.h"
#include "api/hub/trainer_group.h"
#include "api/releaser.h"
#include "api/services.h"
#include "serving/http/server.h"
#include "storage/samples/sample_log.h"
#include "trainer/service.h"
#include "updater/publisher.h"
#include "updater/rollout.h"
#include "updater/update_server.h"

namespace perennial::hub {

// Everything the hub can be told: the modules' own options, composed. Filled by Bind()'s settings, made whole by
// Resolve().
struct HubOptions {
  // Without a label nobody knows that a version is confidently wrong, so a promotion wants some; 0 says that labels
  // never come back.
  HubOptions() { canary.min_feedback = 20; }

  std::string data = "perennial-data";  // folder of the store
  std::string keys = "perennial-keys";  // folder of the keyring
  bool init_keys = false;               // make the keys when there are none
  std::string listen = "127.0.0.1:8080";
  std::string spec = "small";    // tiny, small, base, mlp, resnet18, or a JSON file
  uint64_t image_size = 0;       // 0: the spec's
  std::string shadow;            // strategies trained beside the main one for comparison, with commas between
  std::string dump_evaluations;  // folder: every answer of every evaluation goes there; empty: none
  bool instant_trial = false;    // versions with nothing but a new instant head go on trial like any other
  int compute_threads = 1;
  std::string log_level = "info";
  bool log_json = false;

  http::ServerOptions http;
  api::AuthOptions auth;
  api::ApiOptions api;
  api::ReleaserOptions releaser;
  samples::SampleLogOptions samples;
  updater::PublisherOptions publisher;
  updater::CanaryOptions canary;
  updater::UpdateServerOptions update;
  trainer::TrainerOptions trainer;
  trainer::ServiceOptions service;
  ShadowOptions shadows;                              // its strategies are read from `shadow`
  std::string replay_policy = "class_balanced";       // none, reservoir, class_balanced, herding
  std::string replay_partition = "label_and_source";  // label, label_and_source, label_and_slice

  // Calls `apply` (which fills the settings that were given), takes the recipe of the network that it named, then calls
  // it once more: what was given goes over the recipe, what was not is the recipe's.
  Status Fill(const std::function<Status()>& apply);
  // Reads the names (spec, policies, address) into the options they stand for, then validates all of them.
  Status Resolve();
};

// The settings over `options`, which must outlive the table.
SettingTable Bind(HubOptions& options);

}  // namespace perennial::hub
