#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>
#include <string>

#include "serving/edge/address.h"
#include "serving/edge/edge.h"
#include "serving/process.h"
#include "storage/base/log.h"

namespace perennial::edge {
namespace {

struct Arguments {
  EdgeOptions edge;
  std::string http = "127.0.0.1:8080";
  std::string log_level = "info";
  bool log_json = false;
  bool open_loopback = false;
  int64_t batch_delay_us = 1000;
  int64_t trial_deadline_s = 3600;
};

void Declare(CLI::App& app, Arguments& arguments) {
  EdgeOptions& edge = arguments.edge;
  edge.http.max_body_bytes = 32u << 20;
  app.add_option("--bundle", edge.bundle_folder,
                 "Folder with this node's keys, made on the hub; it also names the node")
      ->required();
  app.add_option("--announce", edge.updates.announce_endpoint, "The hub's announce endpoint, as tcp://HOST:PORT")
      ->required();
  app.add_option("--bulk", edge.updates.bulk_endpoint, "The hub's bulk endpoint, as tcp://HOST:PORT")->required();
  app.add_option("--data", edge.data_folder, "Folder for versions; made when absent")->required();
  app.add_option("--http", arguments.http, "HOST:PORT to serve on; port 0 takes any free one")->capture_default_str();
  app.add_option("--token-file", edge.auth.token_file,
                 "Bearer tokens, one a line; without it only this machine may ask");
  app.add_flag("--open-loopback", arguments.open_loopback,
               "With a token file too, requests from this machine need no token");
  app.add_option("--http-max-buffered", edge.http.max_buffered_bytes,
                 "Bytes of requests held at once; what would need more gets 503")
      ->capture_default_str();
  app.add_option("--model", edge.updates.model_id, "Model to follow and serve")->capture_default_str();
  app.add_option("--max-batch", edge.engine.max_batch, "Most samples in one batch")->capture_default_str();
  app.add_option("--batch-delay-us", arguments.batch_delay_us, "Longest wait for a fuller batch, microseconds")
      ->capture_default_str();
  app.add_option("--max-queue", edge.engine.max_queue, "Waiting requests before new ones are turned away")
      ->capture_default_str();
  app.add_option("--compute-threads", edge.engine.compute_threads, "Threads that run the network")
      ->capture_default_str();
  app.add_option("--http-threads", edge.http.threads, "Threads that answer requests")->capture_default_str();
  app.add_option("--trial-deadline-s", arguments.trial_deadline_s,
                 "Seconds after which a trial without a verdict is reverted here")
      ->capture_default_str();
  app.add_option("--log-level", arguments.log_level, "debug, info, warn, error or off")->capture_default_str();
  app.add_flag("--log-json", arguments.log_json, "Log lines as JSON");
}

Status Prepare(Arguments& arguments) {
  PERENNIAL_ASSIGN_OR_RETURN(const log::Level level, log::LevelFromName(arguments.log_level));
  log::Configure(level, arguments.log_json);
  arguments.edge.auth.open_loopback = arguments.open_loopback || arguments.edge.auth.token_file.empty();
  arguments.edge.engine.max_batch_delay = std::chrono::microseconds(arguments.batch_delay_us);
  arguments.edge.updates.trial_deadline = std::chrono::seconds(arguments.trial_deadline_s);
  return ParseAddress(arguments.http, arguments.edge.http.host, arguments.edge.http.port).WithContext("--http");
}

int Fail(const Status& status) {
  std::fprintf(stderr, "perennial-edge: %s\n", status.ToString().c_str());
  return status.code() == Code::kInvalidArgument ? 2 : 1;
}

// Until SIGTERM or SIGINT.
void WaitForSignal(const sigset_t& signals) {
  const timespec a_minute{60, 0};
  while (sigtimedwait(&signals, nullptr, &a_minute) < 0) {
  }
}

int Main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app{"A serving node: follows a hub, swaps versions live, answers requests.", "perennial-edge"};
  Declare(app, arguments);
  CLI11_PARSE(app, argc, argv);
  if (const Status prepared = Prepare(arguments); !prepared.ok()) return Fail(prepared);

  // Blocked before any thread starts, so that all of them inherit it and only this one receives them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);

  serving::PrepareProcess();
  const SystemClock clock;
  auto edge = Edge::Start(std::move(arguments.edge), clock);
  if (!edge.ok()) return Fail(edge.status());
  const nlohmann::json ready = {{"event", "ready"}, {"http", (*edge)->http_address()}};
  std::printf("%s\n", ready.dump().c_str());
  std::fflush(stdout);
  WaitForSignal(signals);
  log::Info("edge_stopping");
  (*edge)->Drain();
  edge->reset();
  return 0;
}

}  // namespace
}  // namespace perennial::edge

int main(int argc, char** argv) { return perennial::edge::Main(argc, argv); }
