#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "api/bench/continual_answers.h"
#include "api/bench/continual_stream.h"
#include "serving/model/instant_head.h"
#include "serving/model/model.h"
#include "storage/format/version_image.h"

namespace perennial::bench {

// Asks networks the stream's questions: the benchmark's own evaluation, which shares no code with the trainer's, so
// that each checks the other. Keeps the batches that are asked again, up to a bound. Thread-compatible.
class Exam {
 public:
  // `most`: test samples of a slice that a version is asked, drawn once; 0: 2,000 over all slices, 100 to 1,000 of
  // each. REQUIRES `stream` outlives the exam.
  Exam(const ContinualStream& stream, uint64_t most);

  // Which part of a version answers.
  enum class Part : uint8_t { kWhole, kNetwork, kInstant };
  // A version as it ships, ready to answer.
  struct Candidate {
    std::shared_ptr<model::Model> model;             // eval mode
    std::shared_ptr<const model::InstantHead> head;  // null: the network alone
    std::vector<uint32_t> labels;                    // number in LabelledData::labels of output i
  };
  // kInstant: kFailedPrecondition for a version without an instant head.
  Result<Candidate> Load(const format::VersionImage& image, Part part = Part::kWhole) const;

  // Index lists into the stream's tests: the drawn ones, ascending, and all.
  const std::vector<uint32_t>& Drawn(uint32_t slice) const { return drawn_[slice]; }
  Status AskDrawn(const Candidate& who, uint32_t slice, std::vector<Answer>& answers);
  Status AskAll(const Candidate& who, uint32_t slice, std::vector<Answer>& answers);
  Status AskGate(const Candidate& who, uint32_t slice, std::vector<Answer>& answers);
  // Items of the training stream, whose pictures are not kept.
  Status AskItems(const Candidate& who, const std::vector<StreamItem>& items, std::vector<Answer>& answers);

 private:
  // A batch of one list of questions, made when it is first asked; so are its features, which never move.
  struct Batch {
    model::ModelInput input;
    std::vector<uint8_t> features;  // [batch, D]; empty: not kept
  };
  using Batches = std::vector<Batch>;

  Status Ask(const Candidate& who, const std::vector<StreamItem>& items, const std::vector<uint32_t>& numbers,
             Batches* kept, std::vector<Answer>& answers);
  void Blend(const Candidate& who, const model::ModelInput& input, Batch* kept, torch::Tensor& probabilities);
  Result<model::ModelInput> MakeBatch(const std::vector<StreamItem>& items, const std::vector<uint32_t>& numbers,
                                      size_t begin, size_t end, const format::ModelSpec& spec) const;

  const ContinualStream& stream_;
  std::vector<std::vector<uint32_t>> drawn_;  // by slice
  std::unordered_map<std::string, uint32_t> number_of_;
  std::map<uint32_t, Batches> drawn_batches_, gate_batches_;  // by slice
  uint64_t kept_bytes_ = 0;
};

}  // namespace perennial::bench
