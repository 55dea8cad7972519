#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "api/cli/context.h"
#include "serving/http/server.h"
#include "storage/base/mutex.h"
#include "storage/sources/source.h"

namespace perennial::cli {

// A hub as far as the commands see it: keeps the texts it was sent, recognises duplicates, quarantines the text "bad".
// The real server on an ephemeral port.
class FakeHub {
 public:
  FakeHub() {
    auto server = http::Server::Make({});
    EXPECT_TRUE(server.ok()) << server.status().ToString();
    server_ = std::move(*server);
    server_->Route("GET", "/api/v1/status",
                   [](const http::Request&, http::Response& r) { r.body = R"({"software":"x"})"; });
    server_->Route("POST", "/api/v1/samples/bulk", [this](const http::Request& q, http::Response& r) { Bulk(q, r); });
    server_->Route("POST", "/api/v1/samples/flush", [this](const http::Request&, http::Response& r) {
      MutexLock lock(mutex_);
      ++flushes_;
      r.body = R"({"offset":1})";
    });
  }
  void Route(const std::string& method, const std::string& pattern, const std::string& body) {
    server_->Route(method, pattern, [this, body](const http::Request& request, http::Response& response) {
      MutexLock lock(mutex_);
      requests_.push_back(request.method + " " + request.path + " " + request.body);
      response.body = body;
    });
  }
  void RouteProblem(const std::string& method, const std::string& pattern, int http_status, const Status& status) {
    server_->Route(method, pattern, [=](const http::Request&, http::Response& response) {
      http::WriteProblem(response, http_status, status);
    });
  }
  // Runs before each bulk request; true: it answered.
  void BeforeBulk(std::function<bool(int request, http::Response&)> hook) { hook_ = std::move(hook); }
  void Listen() { ASSERT_TRUE(server_->Listen().ok()); }
  std::string url() const { return "http://" + server_->address(); }

  std::vector<std::string> texts() const {
    MutexLock lock(mutex_);
    return texts_;
  }
  std::vector<size_t> batches() const {
    MutexLock lock(mutex_);
    return batches_;
  }
  int flushes() const {
    MutexLock lock(mutex_);
    return flushes_;
  }
  std::vector<std::string> requests() const {
    MutexLock lock(mutex_);
    return requests_;
  }

 private:
  void Bulk(const http::Request& request, http::Response& response) {
    MutexLock lock(mutex_);
    if (hook_ && hook_(++bulk_requests_, response)) return;
    nlohmann::json items = nlohmann::json::array();
    std::istringstream lines(request.body);
    size_t count = 0;
    for (std::string line; std::getline(lines, line); ++count) {
      const auto sample = sources::SampleFromJson(line);
      EXPECT_TRUE(sample.ok()) << line;
      if (sample->text == "bad") {
        items.push_back(
            {{"status", "quarantined"}, {"code", "invalid_argument"}, {"message", "text: bad"}, {"hint", "mend it"}});
      } else if (!seen_.insert(sample->text).second) {
        items.push_back({{"status", "duplicate"}, {"offset", 0}});
      } else {
        texts_.push_back(sample->text);
        items.push_back({{"status", "accepted"}, {"offset", texts_.size()}});
      }
    }
    batches_.push_back(count);
    response.body = nlohmann::json{{"errors", false}, {"items", items}}.dump();
  }

  mutable Mutex mutex_;
  std::vector<std::string> texts_ GUARDED_BY(mutex_);
  std::set<std::string> seen_ GUARDED_BY(mutex_);
  std::vector<size_t> batches_ GUARDED_BY(mutex_);
  std::vector<std::string> requests_ GUARDED_BY(mutex_);
  int flushes_ GUARDED_BY(mutex_) = 0;
  int bulk_requests_ GUARDED_BY(mutex_) = 0;
  std::function<bool(int, http::Response&)> hook_;
  std::unique_ptr<http::Server> server_;  // last: stops before what its handlers use goes
};

// A command's surroundings: text streams, a clock that moves when waited on, no questions.
struct Surroundings {
  std::ostringstream out, err;
  ManualClock clock;
  std::vector<Duration> waits;
  bool interrupted = false;
  bool answer = true;
  std::vector<std::string> asked;
  Context context{out,
                  err,
                  false,
                  false,
                  "http://127.0.0.1:1",
                  "",
                  clock,
                  [this](Duration d) {
                    if (d > Duration{0}) waits.push_back(d);
                    clock.Advance(d);
                    return !interrupted;
                  },
                  [this](const std::string& question) {
                    asked.push_back(question);
                    return answer;
                  }};
};

}  // namespace perennial::cli
