#include "api/quickstart/exam.h"

#include <map>

#include "storage/base/thread.h"

namespace perennial::quickstart {

Result<std::vector<RequestRecord>> TakeExam(const Dataset& dataset, const std::vector<std::string>& edge_urls,
                                            SteadyTime began, SteadyTime deadline) {
  std::vector<RequestRecord> records;
  for (size_t slice = 0; slice < dataset.slices.size(); ++slice) {
    for (size_t sample = 0; sample < dataset.slices[slice].test.size(); ++sample) {
      RequestRecord& record = records.emplace_back();
      record.slice = slice;
      record.sample = sample;
    }
  }
  std::vector<Status> outcomes(edge_urls.size());
  const auto ask_share = [&](size_t edge) -> Status {
    PERENNIAL_ASSIGN_OR_RETURN(EdgeClient client, EdgeClient::Make(edge_urls[edge], edge));
    for (size_t i = edge; i < records.size(); i += edge_urls.size()) {
      if (std::chrono::steady_clock::now() > deadline) return DeadlineExceeded("the final exam did not end in time");
      const size_t slice = records[i].slice;
      const size_t sample = records[i].sample;
      records[i] = client.Ask(dataset.slices[slice].test[sample], "exam-" + std::to_string(i), began);
      records[i].slice = slice;
      records[i].sample = sample;
    }
    return Status::Ok();
  };
  {
    std::vector<Thread> threads;
    for (size_t edge = 0; edge < edge_urls.size(); ++edge) {
      threads.emplace_back("exam-" + std::to_string(edge), [&, edge] { outcomes[edge] = ask_share(edge); });
    }
  }
  for (const Status& outcome : outcomes) PERENNIAL_RETURN_IF_ERROR(outcome);
  return records;
}

std::vector<SliceScore> ScoreExam(const Dataset& dataset, const std::vector<RequestRecord>& records) {
  struct Tally {
    uint64_t right = 0;
    uint64_t all = 0;
  };
  std::vector<std::map<std::string, Tally>> tallies(dataset.slices.size());
  for (const RequestRecord& record : records) {
    const std::string& truth = *dataset.slices[record.slice].test[record.sample].label;
    Tally& tally = tallies[record.slice][truth];
    ++tally.all;
    if (record.ok && record.predicted == truth) ++tally.right;
  }
  std::vector<SliceScore> scores;
  for (const auto& classes : tallies) {
    SliceScore& score = scores.emplace_back();
    double right = 0;
    for (const auto& [label, tally] : classes) {
      right += static_cast<double>(tally.right);
      score.samples += tally.all;
      score.balanced_accuracy += static_cast<double>(tally.right) / static_cast<double>(tally.all);
    }
    if (score.samples == 0) continue;
    score.accuracy = right / static_cast<double>(score.samples);
    score.balanced_accuracy /= static_cast<double>(classes.size());
  }
  return scores;
}

}  // namespace perennial::quickstart
