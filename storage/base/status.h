#pragma once

#include <cassert>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace perennial {

// What kind of failure it was; callers branch on this, people read the message.
enum class Code : uint8_t {
  kOk = 0,
  kInvalidArgument,     // the caller's input is wrong and stays wrong
  kNotFound,            // the named thing does not exist
  kAlreadyExists,       // the named thing exists and must not
  kFailedPrecondition,  // right call, wrong state (also: delta against another base)
  kCorruption,          // bytes on disk or wire are not what was written or signed
  kIoError,             // the operating system said no
  kResourceExhausted,   // a limit was reached: queue, memory, disk, size cap
  kDeadlineExceeded,    // a wait ended without its event
  kUnavailable,         // the peer is not there now; try again
  kPermissionDenied,    // wrong token, key or signature
  kCancelled,           // told to stop
  kInternal,            // a broken invariant of ours
};

// Stable lower-case name, e.g. "invalid_argument"; used in quarantine records, problem JSON and metrics.
std::string_view CodeName(Code code);
// The inverse; nullopt for an unknown name.
std::optional<Code> CodeFromName(std::string_view name);

// Success, or a code with a message (what happened and why) and an optional hint (what to do next).
// Value type; thread-compatible.
class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Code code, std::string message, std::string hint = {})
      : code_(code), message_(std::move(message)), hint_(std::move(hint)) {}
  static Status Ok() { return {}; }

  bool ok() const { return code_ == Code::kOk; }
  Code code() const { return code_; }
  const std::string& message() const { return message_; }
  const std::string& hint() const { return hint_; }

  // The same failure, its message prefixed: "open replay log: <message>". Ok stays ok.
  Status WithContext(std::string_view what) const;
  // "corruption: open replay log: bad magic (hint: restore a snapshot)" or "ok".
  std::string ToString() const;

  friend bool operator==(const Status&, const Status&) = default;

 private:
  Code code_ = Code::kOk;
  std::string message_;
  std::string hint_;
};

// Shorthands for the frequent codes: return InvalidArgument("width is 0", "send a non-empty image");
Status InvalidArgument(std::string message, std::string hint = {});
Status NotFound(std::string message, std::string hint = {});
Status FailedPrecondition(std::string message, std::string hint = {});
Status Corruption(std::string message, std::string hint = {});
Status IoError(std::string message, std::string hint = {});
Status ResourceExhausted(std::string message, std::string hint = {});
Status DeadlineExceeded(std::string message, std::string hint = {});
Status Unavailable(std::string message, std::string hint = {});
Status PermissionDenied(std::string message, std::string hint = {});
Status Cancelled(std::string message, std::string hint = {});
Status Internal(std::string message, std::string hint = {});

// A value or the Status that explains its absence. REQUIRES ok() before value access (asserted).
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : data_(std::in_place_index<0>, std::move(value)) {}  // NOLINT: implicit by design
  Result(Status status) : data_(std::in_place_index<1>, std::move(status)) {  // NOLINT: implicit by design
    assert(!std::get<1>(data_).ok());
  }

  bool ok() const { return data_.index() == 0; }
  // Ok when a value is held.
  Status status() const { return ok() ? Status() : std::get<1>(data_); }

  T& value() & { assert(ok()); return std::get<0>(data_); }
  const T& value() const& { assert(ok()); return std::get<0>(data_); }
  // By value, so that `for (auto& x : List().value())` does not walk a list that is gone.
  T value() && { assert(ok()); return std::get<0>(std::move(data_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  Result WithContext(std::string_view what) && {
    if (ok()) return std::move(*this);
    return std::get<1>(data_).WithContext(what);
  }

 private:
  std::variant<T, Status> data_;
};

}  // namespace perennial

#define PERENNIAL_CONCAT_INNER(a, b) a##b
#define PERENNIAL_CONCAT(a, b) PERENNIAL_CONCAT_INNER(a, b)

// Returns from the enclosing function when `expr` (a Status) failed.
#define PERENNIAL_RETURN_IF_ERROR(expr)                                  \
  do {                                                                   \
    if (::perennial::Status perennial_status_ = (expr); !perennial_status_.ok()) \
      return perennial_status_;                                          \
  } while (false)

// `PERENNIAL_ASSIGN_OR_RETURN(auto x, MakeX());` where MakeX returns a Result.
#define PERENNIAL_ASSIGN_OR_RETURN(lhs, expr) \
  PERENNIAL_ASSIGN_OR_RETURN_IMPL(PERENNIAL_CONCAT(perennial_result_, __LINE__), lhs, expr)
#define PERENNIAL_ASSIGN_OR_RETURN_IMPL(tmp, lhs, expr) \
  auto tmp = (expr);                                    \
  if (!tmp.ok()) return tmp.status();                   \
  lhs = std::move(tmp).value()
