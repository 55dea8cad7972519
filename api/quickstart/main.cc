#include <CLI/CLI.hpp>
#include <cstdio>

#include "api/quickstart/run.h"

int main(int argc, char** argv) {
  perennial::quickstart::Options options;
  CLI::App app{"Runs the main job once with real processes: feed, learn, publish, swap, show."};
  app.name("perennial quickstart");
  app.add_option("--data", options.data, "Folder, tar or file to feed (default: generated inspection samples)");
  app.add_option("--folder", options.folder, "Where hub and edges keep their state (default: a temporary folder)");
  app.add_option("--report", options.report, "HTML report to write (default: perennial-report.html)");
  app.add_option("--dump", options.dump, "Folder for the raw records, one JSON line per request and prediction");
  app.add_option("--spec", options.spec, "Model size: tiny, small or base");
  app.add_option("--replay-capacity", options.replay_capacity, "Samples in the replay memory")->check(CLI::Range(1, 10'000'000));
  app.add_option("--seed", options.seed, "Seed of data and training");
  app.add_flag("--smoke", options.smoke, "A small run of under a minute");
  app.add_flag("--json", options.json, "One JSON object on standard output");
  app.add_flag("--keep", options.keep, "Leave hub and edges running until Ctrl-C");
  CLI11_PARSE(app, argc, argv);
  const perennial::Status done = perennial::quickstart::RunQuickstart(options);
  if (done.ok()) return 0;
  std::fprintf(stderr, "perennial quickstart: %s\n", done.ToString().c_str());
  return 1;
}
