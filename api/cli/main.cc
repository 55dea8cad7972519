#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <iostream>

#include "api/cli/commands.h"
#include "api/cli/sibling.h"
#include "api/cli/verbs.h"
#include "storage/base/env.h"
#include "storage/base/thread.h"

// The `perennial` program: arguments in, exit code out. The commands themselves are in command_*.cc.
namespace perennial::cli {
namespace {

// Set by the signal handler, read by waits.
std::atomic<bool> interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free);

void OnSignal(int) {
  if (interrupted.exchange(true)) std::_Exit(kExitInterrupted);  // a second Ctrl-C does not wait
}

void CatchSignals() {
  struct sigaction action {};
  action.sa_handler = OnSignal;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
}

// In slices, so that an interruption is seen soon.
bool Wait(const Clock& clock, Duration duration) {
  constexpr Duration kSlice = std::chrono::milliseconds(50);
  const SteadyTime end = clock.In(duration);
  while (!interrupted && clock.Now() < end) std::this_thread::sleep_for(std::min<Duration>(kSlice, end - clock.Now()));
  return !interrupted;
}

bool Ask(const std::string& question) {
  if (::isatty(STDIN_FILENO) == 0) return true;
  std::cerr << question << " [y/N] " << std::flush;
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

// What main parses besides the commands' own options.
struct Globals {
  std::string token_file;
  bool yes = false;
};

Status ReadToken(const Globals& globals, Context& context) {
  if (const char* token = std::getenv("PERENNIAL_TOKEN"); token != nullptr) context.token = token;
  if (globals.token_file.empty()) return Status::Ok();
  PERENNIAL_ASSIGN_OR_RETURN(context.token, Env::Posix().ReadFile(globals.token_file, 4096));
  context.token.erase(context.token.find_last_not_of(" \r\n\t") + 1);
  return context.token.empty() ? InvalidArgument("token file " + globals.token_file + " is empty") : Status::Ok();
}

// A command's name in the help, and what runs it.
class Program {
 public:
  Program(CLI::App& app, Context& context) : app_(app), context_(context) {}

  CLI::App* Command(CLI::App& parent, const std::string& name, const std::string& help, std::function<int()> run) {
    CLI::App* command = parent.add_subcommand(name, help);
    command->fallthrough();  // --json and --hub may stand behind the command
    if (run) command->callback([this, run] { run_ = run; });
    return command;
  }
  CLI::App* Command(const std::string& name, const std::string& help, std::function<int()> run) {
    return Command(app_, name, help, std::move(run));
  }
  int Run() { return run_ ? run_() : kExitUsage; }

  void AddReading();
  void AddRollout();
  void AddData();
  void AddSources();
  void AddKeysAndDoctor();
  void AddSiblings();

 private:
  CLI::App& app_;
  Context& context_;
  std::function<int()> run_;
  // Where options land; read when a command runs.
  std::string why_, text_a_, text_b_, text_c_;
  std::optional<uint64_t> version_;
  std::optional<uint64_t> flips_;
  std::vector<uint64_t> ids_;
  uint64_t number_ = 0, limit_ = 20, after_ = 0;
  bool all_ = false, no_order_ = false, no_flush_ = false;
  FeedOptions feed_;
  GenerateOptions generate_;
  DoctorOptions doctor_;
};

void Program::AddReading() {
  Command("status", "The hub at a glance", [this] { return RunStatus(context_); });
  CLI::App* versions = Command("versions", "Published versions, or one with its report", [this] {
    return flips_ ? RunFlips(context_, *flips_) : RunVersions(context_, version_, limit_);
  });
  versions->add_option("version", version_, "Show this one")
      ->excludes(versions->add_option("--flips", flips_, "What this one gets wrong that its predecessor had right"));
  versions->add_option("--limit", limit_, "How many of the newest")->check(CLI::Range(1, 1000))->capture_default_str();
  CLI::App* evaluations =
      Command("evaluations", "Accuracy and forgetting over time", [this] { return RunEvaluations(context_, limit_); });
  evaluations->add_option("--limit", limit_, "How many of the newest, per trainer")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  Command("compare", "What the main trainer gains over the methods beside it", [this] { return RunCompare(context_); });
  Command("nodes", "Serving nodes and what they run", [this] { return RunNodes(context_); });
}

void Program::AddRollout() {
  const auto why = [this](CLI::App* command) {
    command->add_option("-m,--why", why_, "Reason, kept with the version")->required();
  };
  why(Command("promote", "Make the candidate stable now", [this] { return RunPromote(context_, why_); }));
  why(Command("abort", "End the trial; the stable version stays", [this] { return RunAbort(context_, why_); }));
  CLI::App* rollback = Command("rollback", "Make the content of an older version stable",
                               [this] { return RunRollback(context_, number_, why_); });
  rollback->add_option("version", number_, "Version to go back to")->required();
  why(rollback);
  CLI::App* rollout = Command("rollout", "Hold or steer a trial", nullptr);
  rollout->require_subcommand(1);
  Command(*rollout, "pause", "Draw no verdict until resumed", [this] { return RunRolloutPause(context_, true); });
  Command(*rollout, "resume", "Judge the trial again", [this] { return RunRolloutPause(context_, false); });
  CLI::App* weight = Command(*rollout, "weight", "Share of the requests that the candidate takes",
                             [this] { return RunRolloutWeight(context_, number_); });
  weight->add_option("permille", number_, "0 to 1000")->required();
  for (const auto& [name, help] : {std::pair{"pause", "Stop learning; ingest goes on"},
                                   {"resume", "Learn on"},
                                   {"checkpoint", "Save the trainer's state now"},
                                   {"publish", "Make a candidate now"}}) {
    Command(name, help, [this, action = std::string(name)] { return RunTrainer(context_, action); });
  }
}

void Program::AddData() {
  CLI::App* feed = Command("feed", "Send data to the hub", [this] {
    feed_.order = !no_order_;
    feed_.flush = !no_flush_;
    return RunFeed(context_, feed_);
  });
  feed->add_option("path", feed_.path, "Image folder, .tar, .tar.gz, .ndjson, .csv, or - (NDJSON)")->required();
  feed->add_option("--slices", feed_.slices, "Slice rules; else slices.toml beside the data")->check(CLI::ExistingFile);
  feed->add_option("--text-field", feed_.text_field, "Column of the text");
  feed->add_option("--label-field", feed_.label_field, "Column of the label");
  feed->add_option("--slice-field", feed_.slice_field, "Column of the slice");
  feed->add_option("--source", feed_.source, "Name of the source; else the path's last part");
  feed->add_option("--limit", feed_.limit, "Stop after so many samples");
  feed->add_option("--rate", feed_.rate, "At most so many samples a second")->check(CLI::PositiveNumber);
  feed->add_flag("--resume", feed_.resume, "Go on where an interrupted feed stopped");
  feed->add_flag("--no-order", no_order_, "As the data lies, not slice by slice");
  feed->add_flag("--no-flush", no_flush_, "Leave a last partial batch waiting");

  CLI::App* generate = Command("generate", "Write a data set of the field simulator",
                               [this] { return RunGenerate(context_, generate_); });
  auto& simulator = generate_.simulator;
  generate->add_option("path", generate_.path, "Folder to write")->required();
  generate->add_option("--layout", generate_.layout, "folder or tar")->capture_default_str();
  generate->add_option("--seed", simulator.seed)->capture_default_str();
  generate->add_option("--slices", simulator.schedule, "In this order, divided by commas")->delimiter(',');
  generate->add_option("--train", simulator.train_per_slice, "Training samples per slice")->capture_default_str();
  generate->add_option("--test", simulator.test_per_slice, "Test samples per slice")->capture_default_str();
  generate->add_option("--image-size", simulator.image_size, "Pixels")->capture_default_str();
  generate->add_option("--questions", simulator.questions_per_image, "Questions per picture")->capture_default_str();
  generate->add_option("--chinese", simulator.chinese_share, "Share of Chinese questions")->capture_default_str();
  generate->add_flag("--jpeg", simulator.jpeg, "JPEG, not PNG");

  CLI::App* quarantine = Command("quarantine", "Samples that were refused", nullptr);
  quarantine->require_subcommand(1);
  CLI::App* list =
      Command(*quarantine, "list", "Oldest first", [this] { return RunQuarantineList(context_, after_, limit_); });
  list->add_option("--after", after_, "Behind this id");
  list->add_option("--limit", limit_)->check(CLI::Range(1, 1000))->capture_default_str();
  CLI::App* drop =
      Command(*quarantine, "drop", "Forget them", [this] { return RunQuarantineDrop(context_, ids_, all_); });
  drop->add_option("ids", ids_);
  drop->add_flag("--all", all_);

  AddSources();

  CLI::App* feedback =
      Command("feedback", "The true label of an answer", [this] { return RunFeedback(context_, text_a_, text_b_); });
  feedback->add_option("request-id", text_a_)->required();
  feedback->add_option("label", text_b_)->required();
  CLI::App* label =
      Command("label", "The late label of a sample", [this] { return RunLabel(context_, text_a_, text_b_, text_c_); });
  label->add_option("source", text_a_)->required();
  label->add_option("id", text_b_)->required();
  label->add_option("label", text_c_)->required();
}

void Program::AddSources() {
  CLI::App* source = Command("source", "Who sent samples; forget what one sent", nullptr);
  source->require_subcommand(1);
  CLI::App* list = Command(*source, "list", "Sources by name, with their counts",
                           [this] { return RunSourceList(context_, text_a_, limit_); });
  list->add_option("--after", text_a_, "Behind this name");
  list->add_option("--limit", limit_)->check(CLI::Range(1, 1000))->capture_default_str();
  const auto named = [this, source](const char* name, const char* help, std::function<int()> run) {
    CLI::App* command = Command(*source, name, help, std::move(run));
    command->add_option("name", text_a_, "Name of the source")->required();
    return command;
  };
  named("forget", "Forget all that it has sent so far, for good", [this] {
    return RunSourceForget(context_, text_a_, all_);
  })->add_flag("--block", all_, "Refuse what it sends later");
  named("show", "How far it is forgotten, and which versions have learned from it",
        [this] { return RunSourceShow(context_, text_a_); });
  named("unblock", "Accept its samples again", [this] { return RunSourceUnblock(context_, text_a_); });
}

void Program::AddKeysAndDoctor() {
  CLI::App* keys = Command("keys", "Keys of the hub and its nodes", nullptr);
  keys->require_subcommand(1);
  CLI::App* init = Command(*keys, "init", "New keys for a hub", [this] { return RunKeysInit(context_, text_a_); });
  init->add_option("folder", text_a_, "Key folder of the hub")->required();
  CLI::App* add = Command(*keys, "add-node", "Allow a node and write its bundle",
                          [this] { return RunKeysAddNode(context_, text_a_, text_b_, text_c_); });
  add->add_option("folder", text_a_, "Key folder of the hub")->required();
  add->add_option("name", text_b_)->required();
  add->add_option("--bundle", text_c_, "Folder to write for the node")->required();
  CLI::App* revoke =
      Command(*keys, "revoke", "Shut a node out", [this] { return RunKeysRevoke(context_, text_a_, text_b_); });
  revoke->add_option("folder", text_a_, "Key folder of the hub")->required();
  revoke->add_option("name", text_b_)->required();

  CLI::App* doctor = Command("doctor", "Is this machine fit?", [this] { return RunDoctor(context_, doctor_); });
  doctor->add_option("--data", doctor_.data, "Folder that will be written to")->capture_default_str();
  doctor->add_option("--port", doctor_.ports, "Ports that should be free")->capture_default_str();
}

// Listed for the help only: they are run before arguments are parsed, which is their own affair.
void Program::AddSiblings() {
  for (const auto& [name, help] : {std::pair{"quickstart", "The whole loop on this machine, with a report"},
                                   {"hub", "Ingest, training, publishing"},
                                   {"edge", "A serving node"},
                                   {"bench", "Benchmarks"}}) {
    Command(name, help, [] { return kExitUsage; });
  }
}

int Main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
  const SystemClock clock;
  Context context{std::cout,
                  std::cerr,
                  false,
                  ::isatty(STDERR_FILENO) != 0,
                  "http://127.0.0.1:8080",
                  "",
                  clock,
                  [&clock](Duration duration) { return Wait(clock, duration); },
                  Ask};
  context.json = std::find(arguments.begin(), arguments.end(), "--json") != arguments.end();
  if (!arguments.empty() && IsSibling(arguments[0])) {
    return Fail(context, RunSibling(arguments[0], {arguments.begin() + 1, arguments.end()}));
  }
  if (!arguments.empty() && !arguments[0].starts_with('-')) {
    if (const Status known = CheckVerb(arguments[0]); !known.ok()) return FailUsage(context, known);
  }
  CLI::App app("Perennial keeps a model learning in the field.", "perennial");
  Globals globals;
  app.add_flag("--json", context.json, "JSON on standard output");
  app.add_option("--hub", context.hub, "Address of the hub")->envname("PERENNIAL_HUB")->capture_default_str();
  app.add_option("--token-file", globals.token_file, "File with the hub's token; else $PERENNIAL_TOKEN");
  app.add_flag("-y,--yes", globals.yes, "Do not ask");
  app.set_version_flag("--version", std::string("perennial ") + PERENNIAL_VERSION);
  app.require_subcommand(1);
  app.footer(
      "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done but samples were refused, 4 the hub does not answer, 130 "
      "interrupted.");
  Program program(app, context);
  program.AddSiblings();
  program.AddData();
  program.AddReading();
  program.AddRollout();
  program.AddKeysAndDoctor();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  }
  if (globals.yes) context.confirm = [](const std::string&) { return true; };
  if (const Status token = ReadToken(globals, context); !token.ok()) return FailUsage(context, token);
  CatchSignals();
  return program.Run();
}

}  // namespace
}  // namespace perennial::cli

int main(int argc, char** argv) { return perennial::cli::Main(argc, argv); }
