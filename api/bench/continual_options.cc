#include "api/bench/continual_options.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#include "api/bench/continual_recipe.h"
#include "api/bench/continual_stream.h"
#include "storage/base/config.h"
#include "storage/format/instant_spec.h"
#include "storage/format/model_spec.h"

namespace perennial::bench {
namespace {

Status OneOf(const char* what, const std::string& value, const std::vector<std::string>& known) {
  if (std::find(known.begin(), known.end(), value) != known.end()) return Status::Ok();
  std::string listed;
  for (const std::string& one : known) listed += (listed.empty() ? "" : ", ") + one;
  const std::string closest = ClosestWord(value, known);
  return InvalidArgument(std::string(what) + " \"" + value + "\" is unknown; there are " + listed,
                         closest.empty() ? std::string() : "did you mean \"" + closest + "\"?");
}

Status Share(const char* what, double value, double most) {
  if (std::isfinite(value) && value >= 0 && value <= most) return Status::Ok();
  char text[96];
  std::snprintf(text, sizeof text, "--%s is %g, not between 0 and %g", what, value, most);
  return InvalidArgument(text);
}

Status AtMost(const char* what, uint64_t value, uint64_t least, uint64_t most) {
  if (value >= least && value <= most) return Status::Ok();
  return InvalidArgument(std::string("--") + what + " is " + std::to_string(value) + ", not " + std::to_string(least) +
                         " to " + std::to_string(most));
}

constexpr const char* kInstant = "instant";
constexpr int64_t kInstantWidth = 2000;

// The widest head whose D * D / 2 sums of 8 bytes take at most a third of `bytes`.
int64_t WidthWithin(uint64_t bytes) {
  const auto width = static_cast<int64_t>(std::sqrt(static_cast<double>(bytes) / 12));
  return std::clamp<int64_t>(width, 1, kInstantWidth);
}

std::string Number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.17g", value);
  for (int digits = 1; digits < 17; ++digits) {
    char shorter[32];
    std::snprintf(shorter, sizeof shorter, "%.*g", digits, value);
    if (std::strtod(shorter, nullptr) == value) return shorter;
  }
  return text;
}

}  // namespace

Status ContinualOptions::Validate() const {
  if (data.empty()) return InvalidArgument("--data is missing", "name a data set, such as a folder of idx files");
  PERENNIAL_RETURN_IF_ERROR(OneOf("dataset", dataset, RecipeNames()));
  PERENNIAL_RETURN_IF_ERROR(OneOf("protocol", protocol, ProtocolNames()));
  if (!policy.empty()) PERENNIAL_RETURN_IF_ERROR(OneOf("policy", policy, {"reservoir", "class_balanced", "herding"}));
  if (!augment.empty()) PERENNIAL_RETURN_IF_ERROR(OneOf("augment", augment, {"on", "off"}));
  PERENNIAL_RETURN_IF_ERROR(OneOf("payload", payload, {"as_sent", "raw", "deflate", "jpeg"}));
  PERENNIAL_RETURN_IF_ERROR(Share("learning-rate", learning_rate, 10));
  PERENNIAL_RETURN_IF_ERROR(Share("max-gradient-norm", max_gradient_norm.value_or(0), 1e6));
  constexpr uint64_t kMostSteps = 1000;
  PERENNIAL_RETURN_IF_ERROR(AtMost("steps-per-batch", steps_per_batch.value_or(1), 1, kMostSteps));
  PERENNIAL_RETURN_IF_ERROR(AtMost("most-steps-per-batch", most_steps_per_batch.value_or(1), 1, kMostSteps));
  PERENNIAL_RETURN_IF_ERROR(Share("label-samples", label_samples.value_or(0), 1e9));
  if (network != "compact") {
    const auto spec = format::ModelSpec::Preset(network);
    if (!spec.ok())
      return InvalidArgument("network \"" + network + "\": " + spec.status().message(),
                             "mlp, compact and resnet18 are there, and the other presets of the model spec");
  }
  if (instant_width.value_or(0) != 0) {
    format::InstantSpec spec;
    spec.width = *instant_width;
    PERENNIAL_RETURN_IF_ERROR(spec.Validate().WithContext("--instant-width"));
  }
  constexpr uint64_t kMany = uint64_t{1} << 40;
  PERENNIAL_RETURN_IF_ERROR(AtMost("seeds", seeds, 1, 10'000));
  PERENNIAL_RETURN_IF_ERROR(AtMost("buffer", buffer, 1, kMany));
  PERENNIAL_RETURN_IF_ERROR(AtMost("buffer-bytes", buffer_bytes, 0, kMany));
  PERENNIAL_RETURN_IF_ERROR(AtMost("classes-per-task", classes_per_task, 1, kMany));
  PERENNIAL_RETURN_IF_ERROR(AtMost("tasks", tasks, 0, 1000));
  PERENNIAL_RETURN_IF_ERROR(AtMost("versions", versions, 0, 1'000'000));
  PERENNIAL_RETURN_IF_ERROR(AtMost("exam", exam, 0, kMany));
  PERENNIAL_RETURN_IF_ERROR(Share("blur", blur, 1));
  PERENNIAL_RETURN_IF_ERROR(Share("label-noise", label_noise, 1));
  PERENNIAL_RETURN_IF_ERROR(Share("saboteur", saboteur, 1));
  PERENNIAL_RETURN_IF_ERROR(Share("poison-share", poison_share, 1));
  PERENNIAL_RETURN_IF_ERROR(Share("source-share", source_share, 1));
  PERENNIAL_RETURN_IF_ERROR(Share("source-batch-share", source_batch_share, 1));
  PERENNIAL_RETURN_IF_ERROR(AtMost("sources", sources, 1, 10'000));
  PERENNIAL_RETURN_IF_ERROR(AtMost("duplicate-source", duplicate_source, 1, 1000));
  if (duplicate_source > 1 && sources == 1) {
    return InvalidArgument("--duplicate-source needs several sources", "add --sources 10");
  }
  PERENNIAL_RETURN_IF_ERROR(Share("held-out", held_out, 0.5));
  PERENNIAL_RETURN_IF_ERROR(Share("test-share", test_share, 0.9));
  return Status::Ok();
}

ContinualOptions ContinualOptions::Resolved() const {
  ContinualOptions out = *this;
  // The comparison strategies are as in the literature, which has a plain reservoir and no augmentation.
  const bool whole = strategy == "default" || strategy == "max" || strategy == kInstant;
  if (!out.instant_width) {
    out.instant_width = strategy != kInstant ? 0 : buffer_bytes > 0 ? WidthWithin(buffer_bytes) : kInstantWidth;
  }
  if (out.policy.empty()) out.policy = whole || strategy == "gdumb" ? "class_balanced" : "reservoir";
  // At the recipe's rate, which was chosen for `default`, the plain methods on the small network are worse.
  if (!whole && network == "mlp") {
    if (out.learning_rate == 0) out.learning_rate = 0.05;
    if (!out.max_gradient_norm) out.max_gradient_norm = 0;
    if (!out.steps_per_batch) out.steps_per_batch = 1;
    if (!out.most_steps_per_batch) out.most_steps_per_batch = out.steps_per_batch;
  }
  if (out.augment.empty()) out.augment = whole ? "on" : "off";
  if (out.tasks == 0) out.tasks = protocol == "rotated" ? 20 : 10;
  return out;
}

std::string ShellQuoted(const std::string& text) {
  const bool plain = !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return (std::isalnum(c) != 0 && c < 128) || c == '/' || c == '.' || c == '_' || c == '-' || c == ',' || c == '+';
  });
  if (plain) return text;
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::string ContinualOptions::Arguments() const {
  std::string out = "--dataset " + dataset + " --protocol " + protocol + " --strategy " + strategy + " --network " +
                    network + " --policy " + policy + " --augment " + augment + " --payload " + payload;
  const auto add = [&](const char* name, const std::string& value) { out += std::string(" --") + name + " " + value; };
  if (*instant_width > 0) add("instant-width", std::to_string(*instant_width));
  if (strategy == kInstant && *instant_width == 0) add("instant-width", "0");
  if (buffer_bytes > 0) {
    add("buffer-bytes", std::to_string(buffer_bytes));
  } else {
    add("buffer", std::to_string(buffer));
  }
  if (learning_rate > 0) add("learning-rate", Number(learning_rate));
  if (max_gradient_norm) add("max-gradient-norm", Number(*max_gradient_norm));
  if (steps_per_batch) add("steps-per-batch", std::to_string(*steps_per_batch));
  if (most_steps_per_batch) add("most-steps-per-batch", std::to_string(*most_steps_per_batch));
  if (label_samples) add("label-samples", Number(*label_samples));
  add("seeds", std::to_string(seeds));
  add("seed", std::to_string(seed));
  if (protocol == "rotated" || protocol == "permuted") {
    add("tasks", std::to_string(tasks));
    if (samples_per_task > 0) add("samples-per-task", std::to_string(samples_per_task));
  } else if (protocol != "slices") {
    add("classes-per-task", std::to_string(classes_per_task));
  }
  if (protocol == "blurry") add("blur", Number(blur));
  if (label_noise > 0) add("label-noise", Number(label_noise));
  if (saboteur > 0) add("saboteur", Number(saboteur));
  if (sources > 1) add("sources", std::to_string(sources));
  if (poison_share > 0) add("poison-share", Number(poison_share));
  if (duplicate_source > 1) add("duplicate-source", std::to_string(duplicate_source));
  if (source_share > 0) add("source-share", Number(source_share));
  if (source_batch_share > 0) add("source-batch-share", Number(source_batch_share));
  add("held-out", Number(held_out));
  if (test_share > 0) add("test-share", Number(test_share));
  if (fold) add("fold", std::to_string(*fold));
  add("versions", std::to_string(versions));
  add("exam", std::to_string(exam));
  if (validate) out += " --validate";
  if (quick) out += " --quick";
  return out;
}

std::string ContinualOptions::TrainerStrategy() const {
  if (strategy == kInstant) return "default";
  // The upper bound learns as the replay strategies do.
  return strategy == "joint" ? "er" : strategy;
}

}  // namespace perennial::bench
