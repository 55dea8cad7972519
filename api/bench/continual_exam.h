#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "api/bench/continual_answers.h"
#include "api/bench/continual_stream.h"
#include "serving/model/model.h"
#include "storage/format/version_image.h"
#include "storage/media/image.h"

namespace perennial::bench {

// Asks networks the stream's questions: the benchmark's own evaluation, which shares no code with the trainer's, so
// that each checks the other. Keeps the decoded pictures of the exam's samples. Thread-compatible.
class Exam {
 public:
  // `most`: test samples of a slice that a version is asked, drawn once; REQUIRES `stream` outlives the exam.
  Exam(const ContinualStream& stream, uint64_t most);

  // A network as it ships, ready to answer.
  struct Candidate {
    std::shared_ptr<model::Model> model;  // eval mode
    std::vector<uint32_t> labels;         // number in LabelledData::labels of output i
  };
  Result<Candidate> Load(const format::VersionImage& image) const;

  // Index lists into the stream's tests: the drawn ones, ascending, and all.
  const std::vector<uint32_t>& Drawn(uint32_t slice) const { return drawn_[slice]; }
  Status AskDrawn(const Candidate& who, uint32_t slice, std::vector<Answer>& answers);
  Status AskAll(const Candidate& who, uint32_t slice, std::vector<Answer>& answers);
  Status AskGate(const Candidate& who, uint32_t slice, std::vector<Answer>& answers);
  // Items of the training stream, whose pictures are not kept.
  Status AskItems(const Candidate& who, const std::vector<StreamItem>& items, std::vector<Answer>& answers);

 private:
  Status Ask(const Candidate& who, const std::vector<StreamItem>& items, const std::vector<uint32_t>& numbers,
             bool keep, std::vector<Answer>& answers);
  Result<std::shared_ptr<const media::Image>> Picture(const StreamItem& item, int side, bool keep);

  const ContinualStream& stream_;
  std::vector<std::vector<uint32_t>> drawn_;  // by slice
  std::unordered_map<std::string, uint32_t> number_of_;
  std::map<std::pair<uint32_t, uint32_t>, std::shared_ptr<const media::Image>> pictures_;  // by slice and sample
};

}  // namespace perennial::bench
