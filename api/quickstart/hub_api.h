#pragma once

#include <string>

#include "serving/http/client.h"
#include "storage/base/clock.h"
#include "storage/base/status.h"

namespace perennial::quickstart {

// Ok for 2xx; else the problem document's detail and hint as a Status, prefixed with `what`.
Status ExpectSuccess(const http::ClientResponse& response, const std::string& what);
// The body of a successful GET.
Result<std::string> GetBody(http::Client& client, const std::string& path);
// Lets `duration` of real time pass between two looks at another process.
void Pause(Duration duration);

}  // namespace perennial::quickstart
