#include "api/bench/continual_dump.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "storage/base/env.h"

namespace perennial::bench {
namespace {

using Json = nlohmann::ordered_json;

std::string Quoted(const std::string& text) { return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace); }

std::string DumpLine(const Json& line) { return line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"; }

std::string PathIn(const std::string& folder, const char* name) {
  return (std::filesystem::path(folder) / name).string();
}

// Writes the lines of one seed; a line is put together by hand, for there may be millions.
class LineWriter {
 public:
  LineWriter(std::ofstream& out, const ContinualStream& stream, uint64_t seed) : out_(out), stream_(stream) {
    head_ = "{\"seed\":" + std::to_string(seed) + ",\"version\":";
    for (const std::string& label : stream.data->labels) labels_.push_back(Quoted(label));
    for (const std::string& slice : stream.slices) slices_.push_back(Quoted(slice));
  }

  // `version`: JSON. Answers that are in `known` are passed over; what is left is marked with "all".
  void Write(const std::string& version, const char* part, const Answers& answers,
             const std::vector<std::vector<StreamItem>>& items, const Answers* known = nullptr) {
    for (const auto& [slice, list] : answers) {
      std::set<uint32_t> written;
      if (known != nullptr && known->count(slice) > 0) {
        for (const Answer& answer : known->at(slice)) written.insert(answer.at);
      }
      for (const Answer& answer : list) {
        if (written.count(answer.at) > 0) continue;
        WriteOne(version, part, items[slice][answer.at], answer.predicted, answer.confidence, known != nullptr);
      }
    }
  }

  void WriteOne(const std::string& version, const char* part, const StreamItem& item, uint32_t predicted,
                float confidence, bool all) {
    char sure[32] = "";
    if (confidence > 0) std::snprintf(sure, sizeof sure, ",\"confidence\":%.4g", static_cast<double>(confidence));
    out_ << head_ << version << ",\"part\":\"" << part << "\",\"id\":" << Quoted(stream_.IdOf(item))
         << ",\"slice\":" << slices_[item.slice] << ",\"predicted\":" << labels_[predicted]
         << ",\"true\":" << Quoted(stream_.TrueLabel(item)) << sure << (all ? ",\"all\":true}\n" : "}\n");
  }

 private:
  std::ofstream& out_;
  const ContinualStream& stream_;
  std::string head_;
  std::vector<std::string> labels_, slices_;  // as JSON
};

Json NamesOf(const ContinualStream& stream, const std::vector<uint32_t>& slices) {
  Json names = Json::array();
  for (const uint32_t slice : slices) names.push_back(stream.slices[slice]);
  return names;
}

void WriteCandidates(std::ofstream& out, const ContinualStream& stream, const ContinualRecord& record, uint64_t seed) {
  out << DumpLine(Json{{"seed", seed},
                       {"slices", stream.slices},
                       {"parts", stream.parts.size()},
                       {"boundaries", stream.HasBoundaries()}});
  uint64_t published = 0;
  for (const Moment& moment : record.moments) {
    Json line{{"seed", seed},
              {"samples", moment.samples},
              {"seen", NamesOf(stream, moment.seen)},
              {"ended", NamesOf(stream, moment.ended)},
              {"accepted", moment.accepted}};
    line["version"] = moment.accepted ? Json(++published) : Json(nullptr);
    line["served"] = moment.served == 0 ? Json(nullptr) : Json(moment.served);
    line["shipped"] = moment.shipped;
    line["scales"] = moment.new_scales ? "new" : "kept";
    line["reason"] = moment.reason;
    out << DumpLine(line);
  }
}

}  // namespace

Result<ContinualDump> ContinualDump::Create(const std::string& folder) {
  if (folder.empty()) return ContinualDump(folder);
  PERENNIAL_RETURN_IF_ERROR(Env::Posix().CreateDirectories(folder));
  for (const char* name : {kPredictions, kCandidates, kFigures}) {
    std::error_code error;
    std::filesystem::remove(PathIn(folder, name), error);
  }
  const std::ofstream probe(PathIn(folder, kPredictions), std::ios::app);
  if (!probe)
    return IoError("cannot write " + PathIn(folder, kPredictions), "name a folder that can be written with --dump");
  return ContinualDump(folder);
}

Status ContinualDump::AddSeed(const ContinualStream& stream, const ContinualRecord& record, uint64_t seed) const {
  if (folder_.empty()) return Status::Ok();
  std::ofstream out(PathIn(folder_, kPredictions), std::ios::app);
  LineWriter writer(out, stream, seed);
  for (size_t i = 0; i < record.versions.size(); ++i) {
    const std::string version = std::to_string(i + 1);
    writer.Write(version, "gate", record.versions[i].gate, stream.gate);
    writer.Write(version, "test", record.versions[i].tests, stream.tests);
  }
  if (!record.versions.empty()) {
    writer.Write(std::to_string(record.versions.size()), "test", record.served.tests, stream.tests,
                 &record.versions.back().tests);
  }
  for (size_t i = 0; i < record.part_ends.size(); ++i) {
    writer.Write("\"network@" + std::to_string(i + 1) + "\"", "test", record.part_ends[i].tests, stream.tests);
  }
  for (size_t i = 0; i < record.moments.size(); ++i) {
    writer.Write("\"candidate@" + std::to_string(i + 1) + "\"", "test", record.moments[i].network.tests, stream.tests);
  }
  writer.Write("\"network\"", "test", record.network.tests, stream.tests);
  writer.Write("\"instant\"", "test", record.instant.tests, stream.tests);
  for (const auto& [name, who] : record.trivial) writer.Write("\"" + name + "\"", "test", who.tests, stream.tests);
  for (const StreamAnswer& one : record.stream) {
    writer.WriteOne(std::to_string(one.version), "stream", one.item, one.predicted, one.confidence, false);
  }
  std::ofstream candidates(PathIn(folder_, kCandidates), std::ios::app);
  WriteCandidates(candidates, stream, record, seed);
  out.close();
  candidates.close();
  if (out.good() && candidates.good()) return Status::Ok();
  return IoError("cannot write the dump to " + folder_, "is the disk full?");
}

Status ContinualDump::Finish(const std::string& figures) const {
  if (folder_.empty()) return Status::Ok();
  return Env::Posix().WriteFileAtomic(PathIn(folder_, kFigures), figures + "\n", 0644);
}

}  // namespace perennial::bench
