#include "api/services.h"

namespace perennial::api {

void AddOpenApiRoutes(RouteTable& table) {
  table.Add("GET", "/openapi.json",
            [](const http::Request&, http::Response& response) { response.body = OpenApiDocument(); });
}

}  // namespace perennial::api
