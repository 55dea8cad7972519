#include "api/quickstart/hub_api.h"

#include <nlohmann/json.hpp>
#include <thread>

namespace perennial::quickstart {

Status ExpectSuccess(const http::ClientResponse& response, const std::string& what) {
  if (response.status >= 200 && response.status < 300) return Status::Ok();
  const nlohmann::json problem = nlohmann::json::parse(response.body, nullptr, false);
  std::string detail = response.body;
  std::string hint;
  if (problem.is_object()) {
    detail = problem.value("detail", problem.value("error", response.body));
    hint = problem.value("hint", "");
  }
  return {response.status == 503 ? Code::kUnavailable : Code::kInternal,
          what + ": HTTP " + std::to_string(response.status) + ": " + detail, hint};
}

Result<std::string> GetBody(http::Client& client, const std::string& path) {
  PERENNIAL_ASSIGN_OR_RETURN(http::ClientResponse response, client.Get(path));
  PERENNIAL_RETURN_IF_ERROR(ExpectSuccess(response, "GET " + path));
  return std::move(response.body);
}

void Pause(Duration duration) { std::this_thread::sleep_for(duration); }

}  // namespace perennial::quickstart
