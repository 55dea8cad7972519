#include "api/hub/hub_options.h"

namespace perennial::hub {
namespace {

void BindHub(SettingTable& table, HubOptions& o) {
  table.Add({"hub", "data", "--data", "folder of the log, the versions and the checkpoints", &o.data});
  table.Add({"hub", "keys", "--keys", "folder of the keys ('perennial keys init' makes it)", &o.keys});
  table.Add({"hub", "init_keys", "--init-keys", "make the keys when there are none", &o.init_keys});
  table.Add({"hub", "spec", "--spec", "network: tiny, small, base, mlp, resnet18, or a JSON file", &o.spec});
  table.Add(
      {"hub", "image_size", "--image-size", "side of the pictures in pixels, 0: the network's own", &o.image_size});
  table.Add({"hub", "shadow", "--shadow",
             "other methods to train beside, for comparison: naive, er, retrain, ... with commas", &o.shadow});
  table.Add({"hub", "shadow_share", "--shadow-share", "share of all compute that they may have together, 1: no limit",
             &o.shadows.share});
  table.Add({"hub", "shadow_retrain_every", "--shadow-retrain-every",
             "'retrain' trains anew for each so many candidates of the main trainer", &o.shadows.retrain_every});
  table.Add({"hub", "dump_evaluations", "--dump-evaluations", "folder for every answer of every evaluation",
             &o.dump_evaluations});
  table.Add({"hub", "compute_threads", "--compute-threads", "threads of one tensor operation", &o.compute_threads});
  table.Add({"hub", "log_level", "--log-level", "debug, info, warn, error or off", &o.log_level});
  table.Add({"hub", "log_json", "--log-json", "log lines as JSON", &o.log_json});
}

void BindFaces(SettingTable& table, HubOptions& o) {
  table.Add({"http", "listen", "--http", "HOST:PORT of the API, port 0: any free one", &o.listen});
  table.Add({"http", "threads", "--http-threads", "threads that answer requests", &o.http.threads});
  table.Add({"http", "max_streams", "--http-max-streams", "event streams open at once", &o.http.max_streams});
  table.Add({"http", "max_body_bytes", "--http-max-body", "largest request body", &o.http.max_body_bytes});
  table.Add({"http", "max_buffered_bytes", "--http-max-buffered", "bytes of all requests held at once",
             &o.http.max_buffered_bytes});
  table.Add({"auth", "token_file", "--token-file", "bearer tokens, one a line", &o.auth.token_file});
  table.Add(
      {"auth", "open_loopback", "--open-loopback", "requests from this machine need no token", &o.auth.open_loopback});
  table.Add({"ingest", "max_backlog", "--max-backlog", "samples that may wait for the trainer", &o.api.max_backlog});
  table.Add({"ingest", "max_bulk_items", "--max-bulk-items", "lines of one bulk request", &o.api.max_bulk_items});
  table.Add({"ingest", "held_out_share", "--held-out-share", "share of the groups kept for evaluation",
             &o.samples.held_out_share});
  table.Add({"ingest", "validation_threads", "--validation-threads", "threads that check pictures",
             &o.samples.validation_threads});
  table.Add(
      {"ingest", "max_image_side", "--max-image-side", "largest side of a picture", &o.samples.image_limits.max_side});
  table.Add({"ingest", "max_quarantine_entries", "--max-quarantine", "entries in quarantine, the oldest go first",
             &o.samples.max_quarantine_entries});
  table.Add({"ingest", "max_quarantine_bytes", "--max-quarantine-bytes", "their bytes, the oldest go first",
             &o.samples.max_quarantine_bytes});
}

void BindUpdates(SettingTable& table, HubOptions& o) {
  table.Add({"update", "announce", "--announce", "ZeroMQ endpoint of announcements", &o.update.announce_endpoint});
  table.Add({"update", "bulk", "--bulk", "ZeroMQ endpoint of chunks and reports", &o.update.bulk_endpoint});
  table.Add({"update", "heartbeat_s", "--heartbeat", "seconds between announcements", Seconds{&o.update.heartbeat}});
  table.Add({"update", "head_lifetime_s", "--head-lifetime", "seconds until an announcement is stale",
             Seconds{&o.update.head_lifetime}});
  table.Add({"update", "max_nodes", "--max-nodes", "nodes kept in mind", &o.update.max_nodes});
  table.Add({"publish", "every_samples", "--publish-every", "trained samples between two candidates",
             &o.service.candidate_every_samples});
  table.Add({"publish", "eval_max", "--eval-max", "held-out samples evaluated per slice, 0: all",
             &o.service.max_eval_per_slice});
  table.Add({"publish", "eval_flush_max", "--eval-flush-max", "the same when a flush ends a stream, 0: all",
             &o.service.max_eval_at_flush});
  table.Add({"publish", "interpolate", "--interpolate",
             "try weights between the published and the trained ones when "
             "the gate refuses",
             &o.trainer.interpolate});
  table.Add({"publish", "largest_decline", "--largest-decline",
             "of a slice's accuracy over several versions until a report warns", &o.trainer.gate.largest_decline});
  table.Add({"publish", "keep_versions", "--keep-versions", "newest versions that keep their content",
             &o.releaser.keep_versions});
  table.Add({"publish", "model_id", "--model-id", "name of the model in its manifests", &o.publisher.model_id});
  table.Add({"canary", "weight_permille", "--canary-weight", "requests a candidate takes, of 1000",
             &o.canary.weight_permille});
  table.Add({"canary", "min_requests", "--canary-min-requests", "requests before a promotion", &o.canary.min_requests});
  table.Add({"canary", "min_feedback", "--canary-min-feedback", "labelled answers before a promotion",
             &o.canary.min_feedback});
  table.Add({"canary", "guard_requests", "--canary-guard-requests", "requests before a rollback by rate",
             &o.canary.guard_requests});
  table.Add({"canary", "max_error_rate_increase", "--canary-max-error-increase", "over the stable version's",
             &o.canary.max_error_rate_increase});
  table.Add({"canary", "max_accuracy_drop", "--canary-max-accuracy-drop", "under the stable version's",
             &o.canary.max_accuracy_drop});
  table.Add({"canary", "deadline_s", "--canary-deadline", "seconds until a trial without verdict is rolled back",
             Seconds{&o.canary.deadline}});
}

void BindTraining(SettingTable& table, HubOptions& o) {
  trainer::TrainerOptions& t = o.trainer;
  table.Add({"trainer", "strategy", "--strategy", "continual-learning method", &t.strategy});
  table.Add({"trainer", "seed", "--seed", "of weights, replay, augmentation and the held-out draw", &t.seed});
  table.Add({"trainer", "optimiser", "--optimiser", "adamw or sgd", &t.optimiser});
  table.Add({"trainer", "momentum", "--momentum", "of sgd", &t.momentum});
  table.Add({"trainer", "learning_rate", "--learning-rate", "of the optimiser", &t.learning_rate});
  table.Add({"trainer", "weight_decay", "--weight-decay", "of the optimiser", &t.weight_decay});
  table.Add({"trainer", "max_gradient_norm", "--max-gradient-norm", "longer gradients are cut, 0: none",
             &t.max_gradient_norm});
  table.Add({"trainer", "warmup_steps", "--warmup-steps", "steps until the full learning rate", &t.warmup_steps});
  table.Add({"trainer", "ema_decay", "--ema-decay", "of the averaged weights", &t.ema_decay});
  table.Add({"trainer", "new_per_step", "--new-per-step", "new samples in a step", &t.new_per_step});
  table.Add({"trainer", "replay_per_step", "--replay-per-step", "replayed samples in a step", &t.replay_per_step});
  table.Add({"trainer", "source_batch_share", "--source-batch-share",
             "largest share of a batch's new and of a step's replayed samples that is of one source, 0: no limit",
             &t.source_batch_share});
  table.Add({"trainer", "steps_per_batch", "--steps-per-batch", "fewest steps on each batch of new samples",
             &t.schedule.least});
  table.Add(
      {"trainer", "most_steps_per_batch", "--most-steps-per-batch", "while its labels are new", &t.schedule.most});
  table.Add({"trainer", "label_samples", "--label-samples",
             "a label's n-th sample asks for this over n steps, 0: the fewest", &t.schedule.label_samples});
  table.Add({"trainer", "checkpoint_every_steps", "--checkpoint-every", "steps between checkpoints",
             &t.checkpoint_every_steps});
  table.Add({"trainer", "instant_width", "--instant-width", "random features of the instant head, 0: none",
             &t.instant_width});
  table.Add({"trainer", "instant_seed", "--instant-seed", "of its features", &t.instant_seed});
  table.Add({"trainer", "instant_first", "--instant-first",
             "samples of a label that the published network does not know until the instant head is published for it, "
             "and again whenever they have doubled; 0: never",
             &t.instant_first});
  table.Add({"trainer", "instant_every", "--instant-every", "samples between two instant heads, 0: no such rule",
             &t.instant_every});
  table.Add({"trainer", "instant_trial", "--instant-trial",
             "versions with nothing but a new instant head go on trial like any other", &o.instant_trial});
  table.Add({"trainer", "decode_threads", "--decode-threads", "threads that decode ahead", &t.decode_threads});
  table.Add({"trainer", "device", "--device", "cpu or cuda", &t.device});
  table.Add({"trainer", "precision", "--precision", "on cuda: float32, tf32 or bfloat16", &t.precision});
  table.Add({"replay", "policy", "--replay-policy", "none, reservoir, class_balanced or herding", &o.replay_policy});
  table.Add(
      {"replay", "partition", "--replay-partition", "label, label_and_source or label_and_slice", &o.replay_partition});
  table.Add({"replay", "capacity", "--replay-capacity", "samples remembered", &t.replay.capacity});
  table.Add({"replay", "capacity_bytes", "--replay-bytes", "encoded bytes remembered", &t.replay.capacity_bytes});
  table.Add({"replay", "source_share", "--source-share",
             "largest share of the memory that is of one source, 0: no limit", &t.replay.source_share});
  table.Add(
      {"augment", "illumination", "--augment-illumination", "largest change of brightness", &t.augment.illumination});
  table.Add({"augment", "noise", "--augment-noise", "largest noise, share of full scale", &t.augment.noise});
  table.Add({"augment", "occlusion", "--augment-occlusion", "chance of a grey rectangle", &t.augment.occlusion});
  table.Add({"augment", "cutmix", "--augment-cutmix", "chance of a mixed picture", &t.augment.cutmix});
  table.Add({"augment", "shift", "--augment-shift", "largest shift in pixels", &t.augment.shift});
  table.Add({"augment", "rotate", "--augment-rotate", "largest rotation in degrees", &t.augment.rotate});
  table.Add({"augment", "scale", "--augment-scale", "largest change of width and height", &t.augment.scale});
  table.Add({"augment", "shear", "--augment-shear", "largest horizontal shear", &t.augment.shear});
  table.Add({"augment", "mirror", "--augment-mirror", "chance that left and right change places, without a text",
             &t.augment.mirror});
  table.Add({"augment", "flip", "--augment-flip", "chance that top and bottom change places, without a text",
             &t.augment.flip});
  table.Add({"augment", "share", "--augment-share", "chance that a picture is changed", &t.augment.share});
}

}  // namespace

SettingTable Bind(HubOptions& options) {
  SettingTable table;
  BindHub(table, options);
  BindFaces(table, options);
  BindUpdates(table, options);
  BindTraining(table, options);
  return table;
}

}  // namespace perennial::hub
