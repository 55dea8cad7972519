#include "api/cli/answer.h"

#include <limits>
#include <nlohmann/json.hpp>

namespace perennial::cli {

using nlohmann::ordered_json;

struct Answer::Value {
  ordered_json json;
};

Result<Answer> Answer::Parse(const std::string& json) {
  auto value = std::make_shared<Value>();
  value->json = ordered_json::parse(json, nullptr, false);
  if (value->json.is_discarded()) return Internal("the hub's answer is not JSON", "is --hub the address of a hub?");
  return Answer(std::move(value));
}

Answer Answer::operator[](const std::string& key) const {
  auto value = std::make_shared<Value>();
  if (value_->json.is_object()) {
    if (const auto found = value_->json.find(key); found != value_->json.end()) value->json = *found;
  }
  return Answer(std::move(value));
}

std::vector<Answer> Answer::Items() const {
  std::vector<Answer> items;
  if (!value_->json.is_structured()) return items;
  for (const ordered_json& item : value_->json) {
    auto value = std::make_shared<Value>();
    value->json = item;
    items.push_back(Answer(std::move(value)));
  }
  return items;
}

std::vector<std::string> Answer::Keys() const {
  std::vector<std::string> keys;
  if (!value_->json.is_object()) return keys;
  for (const auto& [key, unused] : value_->json.items()) keys.push_back(key);
  return keys;
}

std::string Answer::Text() const {
  const ordered_json& json = value_->json;
  if (json.is_string()) return json.get<std::string>();
  return json.is_null() ? "" : json.dump();
}

double Answer::Number() const {
  return value_->json.is_number() ? value_->json.get<double>() : std::numeric_limits<double>::quiet_NaN();
}
uint64_t Answer::Unsigned() const { return value_->json.is_number_unsigned() ? value_->json.get<uint64_t>() : 0; }
bool Answer::IsNull() const { return value_->json.is_null(); }
bool Answer::True() const { return value_->json.is_boolean() && value_->json.get<bool>(); }
std::string Answer::Dump() const { return value_->json.dump(); }

}  // namespace perennial::cli
