#include <signal.h>
#include <torch/torch.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <map>
#include <string>

#include "api/hub/hub.h"
#include "storage/base/log.h"

namespace perennial::hub {
namespace {

// Documented exit codes: 0 ended cleanly, 1 failed, 2 wrong flags or config.
constexpr int kFailed = 1;
constexpr int kUsage = 2;

int Report(const Status& status, int exit_code) {
  (void)std::fprintf(stderr, "perennial-hub: %s\n", status.message().c_str());
  if (!status.hint().empty()) (void)std::fprintf(stderr, "  %s\n", status.hint().c_str());
  return exit_code;
}

// Flags as they were given; they go over the config file, so both are kept apart until all is read.
struct CommandLine {
  std::string config;
  bool print_config = false;
  std::map<std::string, std::string> texts;
  std::map<std::string, bool> switches;
};

void Declare(CLI::App& app, const SettingTable& table, CommandLine& line) {
  app.add_option("--config", line.config, "TOML file; flags go over it");
  app.add_flag("--print-config", line.print_config, "print the effective config as TOML and end");
  for (const Setting& setting : table.settings()) {
    const std::string help = setting.help + " [" + setting.Value() + "]";
    if (setting.IsSwitch()) {
      app.add_flag(setting.flag + ",!--no-" + setting.flag.substr(2), line.switches[setting.flag], help);
    } else {
      app.add_option(setting.flag, line.texts[setting.flag], help)->type_name("");
    }
  }
}

Status Apply(const CLI::App& app, const SettingTable& table, const CommandLine& line) {
  if (!line.config.empty()) {
    PERENNIAL_ASSIGN_OR_RETURN(const ConfigTable config, ConfigTable::Load(line.config).WithContext("--config"));
    PERENNIAL_RETURN_IF_ERROR(table.Load(config));
  }
  for (const Setting& setting : table.settings()) {
    if (app.count(setting.flag) == 0) continue;
    const std::string text =
        setting.IsSwitch() ? (line.switches.at(setting.flag) ? "true" : "false") : line.texts.at(setting.flag);
    PERENNIAL_RETURN_IF_ERROR(setting.Set(text));
  }
  return Status::Ok();
}

// Blocked in every thread that is started after this, and waited for by main alone.
sigset_t BlockStopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  (void)::signal(SIGPIPE, SIG_IGN);
  return signals;
}

int Run(const HubOptions& options) {
  const sigset_t signals = BlockStopSignals();
  if (const auto level = log::LevelFromName(options.log_level); level.ok()) log::Configure(*level, options.log_json);
  // More threads than cores, and results that depend on their number, cost more than they bring on small networks.
  at::set_num_threads(options.compute_threads);
  at::set_num_interop_threads(1);
  auto hub = Hub::Start(options);
  if (!hub.ok()) return Report(hub.status(), kFailed);
  (void)std::printf("%s\n", (*hub)->ReadyLine().c_str());
  (void)std::fflush(stdout);
  int signal = 0;
  (void)sigwait(&signals, &signal);
  log::Info("hub_stopping", {{"signal", signal}});
  // A second signal ends it at once: every acknowledged sample is on disk, and the last checkpoint is whole.
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  const Status stopped = (*hub)->Stop();
  if (!stopped.ok()) return Report(stopped.WithContext("save the trainers"), kFailed);
  log::Info("hub_stopped");
  return 0;
}

int Main(int argc, char** argv) {
  HubOptions options;
  const SettingTable table = Bind(options);
  CommandLine line;
  CLI::App app("Perennial's hub: takes samples in, learns from them, releases versions to the nodes.", "perennial-hub");
  Declare(app, table, line);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return error.get_exit_code() == 0 ? app.exit(error) : (app.exit(error), kUsage);
  }
  const Status filled = options.Fill([&] { return Apply(app, table, line); });
  if (!filled.ok()) return Report(filled, kUsage);
  if (line.print_config) {
    (void)std::fputs(table.Print().c_str(), stdout);
    return 0;
  }
  if (const Status resolved = options.Resolve(); !resolved.ok()) return Report(resolved, kUsage);
  return Run(options);
}

}  // namespace
}  // namespace perennial::hub

int main(int argc, char** argv) { return perennial::hub::Main(argc, argv); }
