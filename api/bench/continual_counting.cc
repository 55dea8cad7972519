#include <algorithm>
#include <unordered_map>

#include "api/bench/continual_answers.h"

namespace perennial::bench {
namespace {

using Counts = std::map<uint32_t, uint64_t>;  // by label's number

uint32_t MostFrequent(const Counts& counts) {
  return std::max_element(counts.begin(), counts.end(),
                          [](const auto& a, const auto& b) { return a.second < b.second; })
      ->first;
}

}  // namespace

std::map<std::string, Respondent> AnswerByCounting(const ContinualStream& stream) {
  const LabelledData& data = *stream.data;
  std::unordered_map<std::string, uint32_t> number_of;
  for (uint32_t i = 0; i < data.labels.size(); ++i) number_of.emplace(data.labels[i], i);
  Counts all;
  std::unordered_map<std::string, Counts> by_question;
  for (const StreamPart& part : stream.parts) {
    for (const StreamItem& item : part.items) {
      const bool wrong = item.wrong_label != StreamItem::kTrueLabel;
      const uint32_t label = wrong ? item.wrong_label : number_of.at(stream.TrueLabel(item));
      ++all[label];
      ++by_question[data.samples[item.sample].text][label];
    }
  }
  std::map<std::string, Respondent> out;
  if (all.empty()) return out;
  const uint32_t majority = MostFrequent(all);
  for (uint32_t slice = 0; slice < stream.tests.size(); ++slice) {
    for (uint32_t at = 0; at < stream.tests[slice].size(); ++at) {
      const auto known = by_question.find(data.samples[stream.tests[slice][at].sample].text);
      const uint32_t answer = known == by_question.end() ? majority : MostFrequent(known->second);
      out["question_only"].tests[slice].push_back({at, answer, 0});
      out["majority"].tests[slice].push_back({at, majority, 0});
    }
  }
  return out;
}

}  // namespace perennial::bench
