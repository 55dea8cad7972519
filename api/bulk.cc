#include <string>
#include <string_view>
#include <vector>

#include "api/ingest.h"
#include "api/json_body.h"
#include "storage/base/bytes.h"
#include "storage/base/log.h"
#include "storage/sources/source.h"

namespace perennial::api {
namespace {

// One line of the request: a sample of the append, or why there is none.
struct Line {
  std::string pointer;
  size_t index = 0;  // of its sample in the append; kNoSample: it could not be parsed
  samples::AppendOutcome outcome;
  std::string_view text;
};
constexpr size_t kNoSample = SIZE_MAX;

// The lines that hold something; `number` counts all of them, as an editor does.
std::vector<Line> SplitLines(std::string_view body, size_t max_lines) {
  std::vector<Line> lines;
  for (size_t number = 1; !body.empty() && lines.size() <= max_lines; ++number) {
    const auto end = body.find('\n');
    const std::string_view text = body.substr(0, end);
    body = end == std::string_view::npos ? std::string_view() : body.substr(end + 1);
    if (text.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    Line line;
    line.pointer = "line " + std::to_string(number);
    line.text = text;
    lines.push_back(std::move(line));
  }
  return lines;
}

// What is kept of a line that is no sample: its beginning as far as it is text.
samples::BadInput BadInputOf(const Line& line) {
  constexpr size_t kExcerptBytes = 200;
  samples::BadInput input{line.outcome.error, line.pointer, {}};
  if (const std::string_view excerpt = line.text.substr(0, kExcerptBytes); IsUtf8(excerpt)) {
    input.partial.meta["line"] = std::string(excerpt);
  }
  return input;
}

// Keeps the lines that are no samples where a person can find them, in one write.
void QuarantineLines(samples::SampleLog& log, std::vector<Line>& lines) {
  std::vector<samples::BadInput> inputs;
  for (const Line& line : lines) {
    if (line.index == kNoSample) inputs.push_back(BadInputOf(line));
  }
  const auto ids = log.QuarantineAll(std::move(inputs));
  if (!ids.ok()) return log::Error("quarantine_failed", {{"error", ids.status().ToString()}});
  size_t next = 0;
  for (Line& line : lines) {
    if (line.index == kNoSample) line.outcome.quarantine_id = (*ids)[next++];
  }
}

void WriteItems(const std::vector<Line>& lines, http::Response& response) {
  bool errors = false;
  std::string items;
  for (const Line& line : lines) {
    using State = samples::AppendOutcome::State;
    if (line.outcome.state == State::kQuarantined || line.outcome.state == State::kRefused) errors = true;
    if (!items.empty()) items += ',';
    items += OutcomeJson(line.outcome, line.pointer);
  }
  response.body = std::string(R"({"errors":)") + (errors ? "true" : "false") + R"(,"items":[)" + items + "]}";
}

void PostBulk(const Services& services, const ApiOptions& options, const http::Request& request,
              http::Response& response) {
  if (!AdmitSamples(services, options, response)) return;
  if (!request.parts.empty()) {
    return Fail(response, InvalidArgument("the body is a form",
                                          "send one JSON object a line, Content-Type "
                                          "application/x-ndjson"));
  }
  std::vector<Line> lines = SplitLines(request.body, options.max_bulk_items);
  if (lines.size() > options.max_bulk_items) {
    return http::WriteProblem(response, 413,
                              ResourceExhausted("more than " + std::to_string(options.max_bulk_items) + " lines",
                                                "send them in several requests"));
  }
  std::vector<format::Sample> samples;
  std::vector<std::string> pointers;
  for (Line& line : lines) {
    auto sample = sources::SampleFromJson(line.text);
    if (!sample.ok()) {
      line.index = kNoSample;
      line.outcome.state = samples::AppendOutcome::State::kQuarantined;
      line.outcome.error = sample.status();
      continue;
    }
    line.index = samples.size();
    samples.push_back(*std::move(sample));
    pointers.push_back(line.pointer);
  }
  std::vector<samples::AppendOutcome> outcomes;
  if (!samples.empty()) {
    auto appended = services.log.Append(std::move(samples), std::move(pointers));
    // Nothing was made durable: the client may send the whole request again.
    if (!appended.ok()) return FailToStore(response, appended.status());
    outcomes = *std::move(appended);
  }
  for (Line& line : lines) {
    if (line.index != kNoSample) line.outcome = std::move(outcomes[line.index]);
  }
  QuarantineLines(services.log, lines);
  WriteItems(lines, response);
}

}  // namespace

void AddBulkRoutes(RouteTable& table, const Services& services, const ApiOptions& options, IdempotencyMemory& memory) {
  table.Add("POST", "/api/v1/samples/bulk",
            [&services, &options, &memory](const http::Request& request, http::Response& response) {
              memory.Handle(request, response, [&](const http::Request& first, http::Response& answer) {
                PostBulk(services, options, first, answer);
              });
            });
}

}  // namespace perennial::api
