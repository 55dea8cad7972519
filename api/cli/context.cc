#include "api/cli/context.h"

#include <nlohmann/json.hpp>
#include <ostream>

namespace perennial::cli {

ExitCode ExitCodeOf(const Status& status) {
  switch (status.code()) {
    case Code::kOk:
      return kExitOk;
    case Code::kUnavailable:
    case Code::kDeadlineExceeded:
      return kExitUnreachable;
    case Code::kCancelled:
      return kExitInterrupted;
    default:
      return kExitFailed;
  }
}

int Fail(Context& context, const Status& status) {
  if (context.json) {
    const nlohmann::ordered_json error = {
        {"error", {{"code", CodeName(status.code())}, {"message", status.message()}, {"hint", status.hint()}}}};
    context.err << error.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
  } else {
    context.err << "perennial: " << status.message() << '\n';
    if (!status.hint().empty()) context.err << "  " << status.hint() << '\n';
  }
  return ExitCodeOf(status);
}

int FailUsage(Context& context, const Status& status) {
  Fail(context, status);
  return kExitUsage;
}

int PrintJson(Context& context, std::string_view json) {
  context.out << json << '\n';
  return kExitOk;
}

}  // namespace perennial::cli
