#include "storage/base/status.h"

#include <array>

namespace perennial {
namespace {
constexpr std::array<std::string_view, 13> kNames = {
    "ok",       "invalid_argument",   "not_found",         "already_exists", "failed_precondition", "corruption",
    "io_error", "resource_exhausted", "deadline_exceeded", "unavailable",    "permission_denied",   "cancelled",
    "internal"};
}  // namespace

std::string_view CodeName(Code code) { return kNames.at(static_cast<size_t>(code)); }

std::optional<Code> CodeFromName(std::string_view name) {
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<Code>(i);
  }
  return std::nullopt;
}

Status Status::WithContext(std::string_view what) const {
  if (ok()) return *this;
  return {code_, std::string(what) + ": " + message_, hint_};
}

std::string Status::ToString() const {
  if (ok()) return "ok";
  std::string text = std::string(CodeName(code_)) + ": " + message_;
  if (!hint_.empty()) text += " (hint: " + hint_ + ")";
  return text;
}

#define PERENNIAL_DEFINE(Name) \
  Status Name(std::string message, std::string hint) { return {Code::k##Name, std::move(message), std::move(hint)}; }
PERENNIAL_DEFINE(InvalidArgument)
PERENNIAL_DEFINE(NotFound)
PERENNIAL_DEFINE(FailedPrecondition)
PERENNIAL_DEFINE(Corruption)
PERENNIAL_DEFINE(IoError)
PERENNIAL_DEFINE(ResourceExhausted)
PERENNIAL_DEFINE(DeadlineExceeded)
PERENNIAL_DEFINE(Unavailable)
PERENNIAL_DEFINE(PermissionDenied)
PERENNIAL_DEFINE(Cancelled)
PERENNIAL_DEFINE(Internal)
#undef PERENNIAL_DEFINE

}  // namespace perennial
