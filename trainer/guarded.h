#pragma once

#include <exception>
#include <string>
#include <string_view>

#include "storage/base/status.h"

namespace perennial::trainer {

// Runs `body` (which returns a Status or a Result) and turns what LibTorch throws into kInternal: no exception leaves
// this folder.
template <typename Body>
auto Guarded(std::string_view what, Body&& body) -> decltype(body()) {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return ResourceExhausted(std::string(what) + ": out of memory", "use a smaller model or a smaller batch");
  } catch (const std::exception& error) {
    // The first line is the message; the rest is a C++ backtrace.
    const std::string text = error.what();
    return Internal(std::string(what) + ": " + text.substr(0, text.find('\n')));
  }
}

}  // namespace perennial::trainer
