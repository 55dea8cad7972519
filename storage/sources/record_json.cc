#include <nlohmann/json.hpp>

#include "storage/sources/record.h"

namespace perennial::sources {
namespace {

using nlohmann::json;

constexpr size_t kMaxPairs = 100'000;

Column ToColumn(const json& value) {
  if (value.is_string()) return {Column::Kind::kText, value.get_ref<const std::string&>()};
  if (value.is_number()) return {Column::Kind::kNumber, value.dump()};
  if (value.is_boolean()) return {Column::Kind::kText, value.dump()};
  return {Column::Kind::kJson, value.dump()};
}

Columns ToColumns(const json& object) {
  Columns columns;
  for (const auto& [key, value] : object.items()) {
    if (!value.is_null()) columns.emplace(key, ToColumn(value));
  }
  return columns;
}

Status ReadPairs(const json& list, Record& record) {
  const std::string hint = "write \"qas\": [[\"question\", \"answer\"], ...], or objects with named columns";
  if (!list.is_array()) return InvalidArgument("qas: must be a list", hint);
  if (list.size() > kMaxPairs) return ResourceExhausted("qas: more than " + std::to_string(kMaxPairs) + " pairs");
  record.has_pairs = true;
  for (const json& item : list) {
    Record::Pair pair;
    if (item.is_object()) {
      pair.columns = ToColumns(item);
    } else if (item.is_array() && item.size() == 2 && item[0].is_primitive() && item[1].is_primitive()) {
      pair.positional = true;
      pair.text = item[0].is_null() ? "" : ToColumn(item[0]).value;
      pair.label = item[1].is_null() ? "" : ToColumn(item[1]).value;
    } else {
      return InvalidArgument("qas/" + std::to_string(record.pairs.size()) + ": neither a pair nor an object", hint);
    }
    record.pairs.push_back(std::move(pair));
  }
  return Status::Ok();
}

}  // namespace

Result<Record> RecordFromJson(std::string_view text) {
  json object = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (object.is_discarded()) return InvalidArgument("not valid JSON (or not valid UTF-8)");
  if (!object.is_object()) return InvalidArgument("not a JSON object");
  Record record;
  if (const auto qas = object.find("qas"); qas != object.end()) {
    PERENNIAL_RETURN_IF_ERROR(ReadPairs(*qas, record));
    object.erase(qas);
  }
  if (const auto meta = object.find("meta"); meta != object.end() && meta->is_object()) {
    for (const auto& [key, value] : meta->items()) {
      if (!value.is_null()) record.meta[key] = ToColumn(value).value;
    }
    object.erase(meta);
  }
  record.columns = ToColumns(object);
  return record;
}

}  // namespace perennial::sources
