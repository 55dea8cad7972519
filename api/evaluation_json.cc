#include <cmath>
#include <nlohmann/json.hpp>

#include "api/evaluation_journal.h"

namespace perennial::api {
namespace {

// A number that is not finite is null in JSON.
double NumberOrNan(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number() ? found->get<double>() : std::nan("");
}

}  // namespace

std::string EvaluationJson(const EvaluationRecord& record) {
  nlohmann::ordered_json slices = nlohmann::ordered_json::array();
  for (const EvaluationRecord::Slice& slice : record.slices) {
    slices.push_back({{"slice", slice.slice},
                      {"samples", slice.samples},
                      {"accuracy", slice.accuracy},
                      {"balanced_accuracy", slice.balanced_accuracy}});
  }
  const nlohmann::ordered_json json = {{"time_us", record.time_us},
                                       {"steps", record.steps},
                                       {"trained_until", record.trained_until},
                                       {"version", record.version.value},
                                       {"accepted", record.accepted},
                                       {"reason", record.reason},
                                       {"average_accuracy", record.average_accuracy},
                                       {"average_balanced_accuracy", record.average_balanced_accuracy},
                                       {"forgetting", record.forgetting},
                                       {"backward_transfer", record.backward_transfer},
                                       {"shipped", record.shipped},
                                       {"network_accuracy", record.network_accuracy},
                                       {"negative_flip_rate", record.negative_flip_rate},
                                       {"warning", record.warning},
                                       {"slices", std::move(slices)}};
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Result<EvaluationRecord> EvaluationFromJson(std::string_view text) {
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) return Corruption("an evaluation record is not a JSON object");
  try {
    EvaluationRecord record;
    record.time_us = json.at("time_us").get<int64_t>();
    record.steps = json.at("steps").get<uint64_t>();
    record.trained_until = json.at("trained_until").get<uint64_t>();
    record.version = VersionId{json.at("version").get<uint64_t>()};
    record.accepted = json.at("accepted").get<bool>();
    record.reason = json.at("reason").get<std::string>();
    record.average_accuracy = NumberOrNan(json, "average_accuracy");
    record.average_balanced_accuracy = NumberOrNan(json, "average_balanced_accuracy");
    record.forgetting = NumberOrNan(json, "forgetting");
    record.backward_transfer = NumberOrNan(json, "backward_transfer");
    // Absent in the records of an older build.
    record.shipped = json.value("shipped", std::string());
    record.network_accuracy = NumberOrNan(json, "network_accuracy");
    record.negative_flip_rate = NumberOrNan(json, "negative_flip_rate");
    record.warning = json.value("warning", std::string());
    for (const nlohmann::json& slice : json.at("slices")) {
      record.slices.push_back({.slice = slice.at("slice").get<std::string>(),
                               .samples = slice.at("samples").get<uint64_t>(),
                               .accuracy = NumberOrNan(slice, "accuracy"),
                               .balanced_accuracy = NumberOrNan(slice, "balanced_accuracy")});
    }
    return record;
  } catch (const nlohmann::json::exception& error) {
    return Corruption(std::string("an evaluation record can't be read: ") + error.what());
  }
}

std::string FlipsJson(const FlipList& flips) {
  nlohmann::ordered_json listed = nlohmann::ordered_json::array();
  for (const FlipList::Flip& flip : flips.listed) {
    listed.push_back({{"offset", flip.offset},
                      {"id", flip.id},
                      {"slice", flip.slice},
                      {"true", flip.true_label},
                      {"old_answer", flip.old_answer},
                      {"new_answer", flip.new_answer}});
  }
  const nlohmann::ordered_json json = {{"known", flips.known},
                                       {"compared", flips.compared},
                                       {"lost", flips.lost},
                                       {"won", flips.won},
                                       {"negative_flip_rate", flips.negative_flip_rate},
                                       {"flips", std::move(listed)}};
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Result<FlipList> FlipsFromJson(std::string_view text) {
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) return Corruption("a list of flips is not a JSON object");
  try {
    FlipList flips;
    flips.known = json.at("known").get<bool>();
    flips.compared = json.at("compared").get<uint64_t>();
    flips.lost = json.at("lost").get<uint64_t>();
    flips.won = json.at("won").get<uint64_t>();
    flips.negative_flip_rate = NumberOrNan(json, "negative_flip_rate");
    for (const nlohmann::json& flip : json.at("flips")) {
      flips.listed.push_back({.offset = flip.at("offset").get<uint64_t>(),
                              .id = flip.at("id").get<std::string>(),
                              .slice = flip.at("slice").get<std::string>(),
                              .true_label = flip.at("true").get<std::string>(),
                              .old_answer = flip.at("old_answer").get<std::string>(),
                              .new_answer = flip.at("new_answer").get<std::string>()});
    }
    return flips;
  } catch (const nlohmann::json::exception& error) {
    return Corruption(std::string("a list of flips can't be read: ") + error.what());
  }
}

}  // namespace perennial::api
