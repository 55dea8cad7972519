#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "api/api_server.h"
#include "api/rollout_events.h"
#include "serving/http/client.h"
#include "storage/format/version_image.h"
#include "storage/kv/fault_store.h"
#include "tests/api/fakes.h"
#include "updater/trust/signer.h"

namespace perennial::api {

// A hub without LibTorch: the real API server, log, version store, publisher and rollout over a store in memory that
// can be made to fail; update plane and trainer are fakes. Every answer that goes through Get, Post and Delete is held
// against the OpenAPI document.
class ApiTest : public ::testing::Test {
 protected:
  void SetUp() override;
  // Starts (or restarts) the server with these options.
  void StartServer(const ApiOptions& options, const AuthOptions& auth, uint64_t max_body_bytes = 8u << 20);

  struct Answer {
    int status = 0;
    nlohmann::json body;
    http::ClientResponse raw;
  };
  using Headers = http::Client::Headers;
  Answer Get(const std::string& path, const Headers& headers = {});
  Answer Post(const std::string& path, const nlohmann::json& body);
  Answer PostRaw(const std::string& path, std::string_view body, const std::string& content_type,
                 const Headers& headers = {});
  Answer Delete(const std::string& path);

  // Publishes and starts a version whose one weight is `value`.
  VersionId Release(float value);

  SystemClock clock_;
  std::unique_ptr<kv::KvStore> memory_;
  std::unique_ptr<kv::FaultStore> store_;
  std::unique_ptr<samples::SampleLog> log_;
  std::unique_ptr<versions::VersionStore> versions_;
  std::unique_ptr<trust::Signer> signer_;
  std::unique_ptr<updater::Publisher> publisher_;
  std::unique_ptr<EventHub> events_;
  std::unique_ptr<RolloutEvents> rollout_events_;
  std::unique_ptr<updater::RolloutController> rollout_;
  FakeUpdateServer updates_;
  FakeTrainer trainer_;
  std::unique_ptr<Releaser> releaser_;
  std::unique_ptr<ApiServer> server_;
  std::unique_ptr<http::Client> client_;

 private:
  Answer Checked(const char* method, const std::string& path, Result<http::ClientResponse> response);
};

// A small valid PNG; different seeds give different pictures.
std::string TestPng(int seed);
// One NDJSON line.
std::string Line(const std::string& id, const std::string& text, const std::string& label,
                 const std::string& image = {});
// A multipart/form-data body with the boundary "B"; a name that ends in '@' is sent as a file.
std::string Form(const std::vector<std::pair<std::string, std::string>>& fields);
inline constexpr char kFormType[] = "multipart/form-data; boundary=B";
// A version image whose one weight is `value`.
format::VersionImage TestImage(float value);

}  // namespace perennial::api
