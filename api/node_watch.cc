#include "api/node_watch.h"

namespace perennial::api {

void NodeChanges::Observe(const std::vector<updater::NodeStatus>& nodes) {
  std::map<std::string, bool> now;
  for (const updater::NodeStatus& node : nodes) {
    now[node.name] = node.connected;
    const auto before = connected_.find(node.name);
    const bool was_connected = before != connected_.end() && before->second;
    if (node.connected && !was_connected) {
      events_.Publish("node_joined",
                      {{"node", node.name}, {"http_address", node.http_address}, {"stable", node.stable.value}});
    }
    if (!node.connected && was_connected) {
      events_.Publish("node_lost", {{"node", node.name}, {"reason", "no report within three heartbeats"}});
    }
  }
  for (const auto& [name, was_connected] : connected_) {
    if (was_connected && !now.contains(name)) {
      events_.Publish("node_lost", {{"node", name}, {"reason", "no longer allowed or forgotten"}});
    }
  }
  connected_ = std::move(now);
}

NodeWatch::NodeWatch(updater::UpdateServer& server, EventHub& events)
    : server_(server), changes_(events), thread_("node-watch", [this] { Run(); }) {}

NodeWatch::~NodeWatch() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    stopping_changed_.NotifyAll();
  }
  thread_.Join();
}

void NodeWatch::Run() {
  for (;;) {
    changes_.Observe(server_.Nodes());
    const SteadyTime next = std::chrono::steady_clock::now() + std::chrono::milliseconds(500);
    MutexLock lock(mutex_);
    while (!stopping_) {
      if (!stopping_changed_.WaitUntil(mutex_, next)) break;
    }
    if (stopping_) return;
  }
}

}  // namespace perennial::api
