#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "storage/base/status.h"

namespace perennial::cli {

// A JSON value of an answer; missing members read as empty, so an older or newer hub gives blanks and no crash. Value
// type.
class Answer {
 public:
  static Result<Answer> Parse(const std::string& json);
  Answer operator[](const std::string& key) const;
  // Elements of an array, or the values of an object; empty for others.
  std::vector<Answer> Items() const;
  // Names of an object's members, in their order.
  std::vector<std::string> Keys() const;
  // Strings as they are, numbers and booleans spelled out, "" for null and missing.
  std::string Text() const;
  // NaN for anything but a number.
  double Number() const;
  uint64_t Unsigned() const;
  bool IsNull() const;
  bool True() const;
  std::string Dump() const;

 private:
  struct Value;
  explicit Answer(std::shared_ptr<const Value> value) : value_(std::move(value)) {}
  std::shared_ptr<const Value> value_;
};

}  // namespace perennial::cli
