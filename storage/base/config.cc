#include "storage/base/config.h"

#include <toml++/toml.h>

#include <algorithm>
#include <set>

#include "storage/base/env.h"

namespace perennial {

struct ConfigTable::Impl {
  std::shared_ptr<const toml::table> root;  // keeps the nodes alive
  const toml::table* table = nullptr;
  std::string path;  // "hub.toml: trainer."
  std::set<std::string, std::less<>> read;
  std::vector<std::shared_ptr<Impl>> children;
};

Result<ConfigTable> ConfigTable::Parse(std::string_view toml_text, const std::string& name) {
  try {
    auto impl = std::make_shared<Impl>();
    impl->root = std::make_shared<const toml::table>(toml::parse(toml_text, name));
    impl->table = impl->root.get();
    impl->path = name + ": ";
    return ConfigTable(std::move(impl));
  } catch (const toml::parse_error& error) {
    const auto at = error.source().begin;
    return InvalidArgument(name + ":" + std::to_string(at.line) + ":" + std::to_string(at.column) + ": " +
                               std::string(error.description()),
                           "see https://toml.io for the syntax");
  }
}

Result<ConfigTable> ConfigTable::Load(const std::string& path) {
  PERENNIAL_ASSIGN_OR_RETURN(const std::string text, Env::Posix().ReadFile(path, 1 << 20));
  return Parse(text, path);
}

namespace {
Status WrongType(const std::string& path, std::string_view key, std::string_view wanted) {
  return InvalidArgument(path + std::string(key) + " must be " + std::string(wanted));
}
}  // namespace

template <typename T, typename Impl>
static Result<std::optional<T>> Read(Impl& impl, std::string_view key, std::string_view wanted) {
  impl.read.emplace(key);
  const toml::node* node = impl.table->get(key);
  if (node == nullptr) return std::optional<T>();
  if constexpr (std::is_same_v<T, double>) {
    if (const auto number = node->template value<double>(); number && node->is_number())
      return std::optional<T>(*number);
  } else {
    if (const auto value = node->template value_exact<T>()) return std::optional<T>(*value);
  }
  return WrongType(impl.path, key, wanted);
}

Result<std::optional<std::string>> ConfigTable::String(std::string_view key) {
  return Read<std::string>(*impl_, key, "a string");
}
Result<std::optional<int64_t>> ConfigTable::Integer(std::string_view key) {
  return Read<int64_t>(*impl_, key, "an integer");
}
Result<std::optional<double>> ConfigTable::Float(std::string_view key) { return Read<double>(*impl_, key, "a number"); }
Result<std::optional<bool>> ConfigTable::Bool(std::string_view key) { return Read<bool>(*impl_, key, "true or false"); }

Result<std::optional<std::vector<std::string>>> ConfigTable::Strings(std::string_view key) {
  impl_->read.emplace(key);
  const toml::node* node = impl_->table->get(key);
  if (node == nullptr) return std::optional<std::vector<std::string>>();
  const toml::array* array = node->as_array();
  if (array == nullptr) return WrongType(impl_->path, key, "a list of strings");
  std::vector<std::string> values;
  for (const toml::node& item : *array) {
    const auto text = item.value_exact<std::string>();
    if (!text) return WrongType(impl_->path, key, "a list of strings");
    values.push_back(*text);
  }
  return std::optional(std::move(values));
}

Result<std::optional<ConfigTable>> ConfigTable::Table(std::string_view key) {
  impl_->read.emplace(key);
  const toml::node* node = impl_->table->get(key);
  if (node == nullptr) return std::optional<ConfigTable>();
  if (!node->is_table()) return WrongType(impl_->path, key, "a table");
  auto child = std::make_shared<Impl>();
  child->root = impl_->root;
  child->table = node->as_table();
  child->path = impl_->path + std::string(key) + ".";
  impl_->children.push_back(child);
  return std::optional(ConfigTable(child));
}

Result<std::vector<ConfigTable>> ConfigTable::Tables(std::string_view key) {
  impl_->read.emplace(key);
  std::vector<ConfigTable> tables;
  const toml::node* node = impl_->table->get(key);
  if (node == nullptr) return tables;
  const toml::array* array = node->as_array();
  if (array == nullptr) return WrongType(impl_->path, key, "a list of tables");
  for (const toml::node& item : *array) {
    if (!item.is_table()) return WrongType(impl_->path, key, "a list of tables");
    auto child = std::make_shared<Impl>();
    child->root = impl_->root;
    child->table = item.as_table();
    child->path = impl_->path + std::string(key) + "[" + std::to_string(tables.size()) + "].";
    impl_->children.push_back(child);
    tables.push_back(ConfigTable(child));
  }
  return tables;
}

Status ConfigTable::RejectUnknown() const {
  for (const auto& [key, node] : *impl_->table) {
    if (impl_->read.contains(key.str())) continue;
    const std::string closest = ClosestWord(key.str(), {impl_->read.begin(), impl_->read.end()});
    return InvalidArgument(impl_->path + std::string(key.str()) + " is not a known setting",
                           closest.empty() ? "remove it" : "did you mean '" + closest + "'?");
  }
  for (const auto& child : impl_->children) PERENNIAL_RETURN_IF_ERROR(ConfigTable(child).RejectUnknown());
  return Status::Ok();
}

std::string ClosestWord(std::string_view word, const std::vector<std::string>& known) {
  std::string best;
  size_t best_distance = std::max<size_t>(2, word.size() / 3) + 1;
  for (const std::string& candidate : known) {
    std::vector<size_t> row(candidate.size() + 1);
    for (size_t j = 0; j < row.size(); ++j) row[j] = j;
    for (size_t i = 1; i <= word.size(); ++i) {
      size_t diagonal = row[0];
      row[0] = i;
      for (size_t j = 1; j < row.size(); ++j) {
        const size_t substitute = diagonal + (word[i - 1] == candidate[j - 1] ? 0 : 1);
        diagonal = row[j];
        row[j] = std::min({substitute, row[j] + 1, row[j - 1] + 1});
      }
    }
    // Something of the word must be left, or every two-letter word would be close to every other.
    if (row.back() < best_distance && row.back() < word.size()) best_distance = row.back(), best = candidate;
  }
  return best;
}

}  // namespace perennial
