#include "api/hub/hub_options.h"

#include <charconv>
#include <sstream>

#include "storage/base/env.h"
#include "storage/base/log.h"
#include "storage/format/model_spec.h"

namespace perennial::hub {
namespace {

// "127.0.0.1:8080" or "[::1]:8080".
Status ParseListen(const std::string& text, http::ServerOptions& out) {
  const Status wrong = InvalidArgument("--http: '" + text + "' is not HOST:PORT", "127.0.0.1:0 takes any free port");
  const auto colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) return wrong;
  std::string host = text.substr(0, colon);
  const std::string_view port = std::string_view(text).substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  int number = -1;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (error != std::errc() || end != port.data() + port.size() || number < 0 || number > 65535 || host.empty())
    return wrong;
  out.host = host;
  out.port = number;
  return Status::Ok();
}

Result<format::ModelSpec> ReadSpec(const std::string& name) {
  auto preset = format::ModelSpec::Preset(name);
  if (preset.ok()) return preset;
  const auto json = Env::Posix().ReadFile(name, 1u << 20);
  if (json.status().code() == Code::kNotFound) {
    return InvalidArgument("--spec: '" + name + "' is no preset and no file",
                           "use tiny, small, base, mlp, resnet18, or a JSON file");
  }
  if (!json.ok()) return json.status().WithContext("--spec");
  return format::ModelSpec::FromJson(*json).WithContext("--spec " + name);
}

Status ReadReplay(const std::string& policy, const std::string& partition, replay::ReplayOptions& out) {
  using Options = replay::ReplayOptions;
  if (policy == "none") {
    out.policy = Options::Policy::kNone;
  } else if (policy == "reservoir") {
    out.policy = Options::Policy::kReservoir;
  } else if (policy == "class_balanced") {
    out.policy = Options::Policy::kClassBalanced;
  } else if (policy == "herding") {
    out.policy = Options::Policy::kHerding;
  } else {
    return InvalidArgument("--replay-policy: '" + policy + "' is not none, reservoir, class_balanced or herding");
  }
  if (partition == "label") {
    out.partition = Options::Partition::kLabel;
  } else if (partition == "label_and_source") {
    out.partition = Options::Partition::kLabelAndSource;
  } else if (partition == "label_and_slice") {
    out.partition = Options::Partition::kLabelAndSlice;
  } else {
    return InvalidArgument("--replay-partition: '" + partition + "' is not label, label_and_source or label_and_slice");
  }
  return Status::Ok();
}

// "naive, er" -> {"naive", "er"}; an empty word stays, and is no strategy.
std::vector<std::string> Words(const std::string& listed) {
  std::vector<std::string> words;
  std::istringstream in(listed);
  for (std::string word; std::getline(in, word, ',');) {
    const size_t begin = word.find_first_not_of(' ');
    words.push_back(begin == std::string::npos ? "" : word.substr(begin, word.find_last_not_of(' ') + 1 - begin));
  }
  if (!listed.empty() && listed.back() == ',') words.emplace_back();  // getline leaves it out
  return words;
}

}  // namespace

Status HubOptions::Fill(const std::function<Status()>& apply) {
  PERENNIAL_RETURN_IF_ERROR(apply());
  PERENNIAL_ASSIGN_OR_RETURN(const format::ModelSpec network, ReadSpec(spec));
  trainer.UseRecipeOf(network);
  return apply();
}

Status HubOptions::Resolve() {
  if (data.empty()) return InvalidArgument("--data: empty");
  if (keys.empty()) return InvalidArgument("--keys: empty");
  shadows.strategies = Words(shadow);
  PERENNIAL_RETURN_IF_ERROR(shadows.Validate());
  if (compute_threads < 1 || compute_threads > 256) return InvalidArgument("--compute-threads: not 1 to 256");
  PERENNIAL_RETURN_IF_ERROR(log::LevelFromName(log_level).status());
  PERENNIAL_RETURN_IF_ERROR(ParseListen(listen, http));
  PERENNIAL_ASSIGN_OR_RETURN(trainer.spec, ReadSpec(spec));
  if (image_size != 0) {
    if (image_size > 4096) return InvalidArgument("--image-size: more than 4096");
    trainer.spec.image_size = static_cast<int64_t>(image_size);
  }
  trainer.replay.image_size = static_cast<int>(trainer.spec.image_size);
  PERENNIAL_RETURN_IF_ERROR(ReadReplay(replay_policy, replay_partition, trainer.replay));
  samples.seed = trainer.seed;
  // What the log takes, the trainer, the evaluator and the replay memory must be able to read.
  trainer.image_limits = samples.image_limits;

  PERENNIAL_RETURN_IF_ERROR(http.Validate());
  PERENNIAL_RETURN_IF_ERROR(auth.Validate());
  PERENNIAL_RETURN_IF_ERROR(api.Validate());
  PERENNIAL_RETURN_IF_ERROR(releaser.Validate());
  PERENNIAL_RETURN_IF_ERROR(samples.Validate());
  PERENNIAL_RETURN_IF_ERROR(canary.Validate());
  PERENNIAL_RETURN_IF_ERROR(update.Validate());
  PERENNIAL_RETURN_IF_ERROR(trainer.Validate());
  return service.Validate();
}

}  // namespace perennial::hub
