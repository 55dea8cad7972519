// Forgetting a source, as the log's forget entry asks for it: everything that is kept of its samples goes, the network
// apart, whose weights cannot be told from the samples that made them.
#include <algorithm>
#include <utility>

#include "serving/model/preprocess.h"
#include "storage/base/log.h"
#include "storage/media/image.h"
#include "trainer/stream_trainer.h"

namespace perennial::trainer {
namespace {

constexpr size_t kChunk = 128;  // samples decoded at once

}  // namespace

struct StreamTrainer::Trained {
  std::vector<int64_t> labels;              // of each sample
  std::unique_ptr<InstantLearner> instant;  // what the head observed of them; null: no head
  size_t unreadable = 0;                    // whose pictures are over the limits now
};

Status StreamTrainer::DoForget() {
  const BatchAssembler::Forgetting what = *assembler_->forgetting();
  // What may fail comes first, changes nothing or may be done twice, so that the entry can be tried again.
  PERENNIAL_ASSIGN_OR_RETURN(const Trained trained, ReadTrained(what));
  PERENNIAL_ASSIGN_OR_RETURN(const size_t remembered, replay_->Forget(what.source));
  if (trained.instant != nullptr) {
    PERENNIAL_RETURN_IF_ERROR(instant_->Forget(*trained.instant).WithContext("forget source '" + what.source + "'"));
  }
  schedule_.Forget(trained.labels);
  assembler_->Forgotten();
  if (instant_ != nullptr) {
    // What the next head is due by counts on from what is left.
    instant_samples_ = std::min(instant_samples_, InstantSamples());
    const auto young = YoungLabels();
    for (auto& [label, count] : instant_counts_) {
      const auto now = young.find(label);
      count = std::min(count, now == young.end() ? 0 : now->second);
    }
  }
  candidates_->DropKept();
  log_knows_ = false;
  // Nodes answer from what was forgotten until they get another version.
  if (steps_ > 0) flush_due_ = forget_owed_ = true;
  if (trained.unreadable > 0 && instant_ != nullptr) {
    log::Warn("instant_head_may_not_forget", {{"trainer", options_.name},
                                              {"source", what.source},
                                              {"unreadable", trained.unreadable},
                                              {"hint", "is max_image_side less than it was?"}});
  }
  log::Info("source_forgotten", {{"trainer", options_.name},
                                 {"source", what.source},
                                 {"entry", what.offset.value},
                                 {"trained", trained.labels.size()},
                                 {"remembered", remembered}});
  return DoCheckpoint();
}

Result<StreamTrainer::Trained> StreamTrainer::ReadTrained(const BatchAssembler::Forgetting& what) const {
  Trained trained;
  if (instant_ != nullptr) {
    PERENNIAL_ASSIGN_OR_RETURN(trained.instant, InstantLearner::Open(instant_->options(), options_.spec));
  }
  PERENNIAL_ASSIGN_OR_RETURN(
      std::vector<Offset> offsets,
      log_.OffsetsOf(what.source, samples::SourceUse::kTrainable, what.since, assembler_->position().next));
  std::erase_if(offsets, [this](Offset offset) { return !assembler_->position().Trained(offset); });
  for (size_t first = 0; first < offsets.size(); first += kChunk) {
    const auto begin = offsets.begin() + static_cast<std::ptrdiff_t>(first);
    const auto count = static_cast<std::ptrdiff_t>(std::min(kChunk, offsets.size() - first));
    PERENNIAL_RETURN_IF_ERROR(AddTrained({begin, begin + count}, trained));
  }
  return trained;
}

Status StreamTrainer::AddTrained(const std::vector<Offset>& offsets, Trained& trained) const {
  std::vector<media::Image> pictures;
  pictures.reserve(offsets.size());
  std::vector<std::string> texts;
  texts.reserve(offsets.size());
  std::vector<model::RawInput> inputs;
  std::vector<int64_t> targets;
  for (const Offset offset : offsets) {
    PERENNIAL_ASSIGN_OR_RETURN(samples::Entry entry, log_.Read(offset));
    // Erased before this trainer began: it has not seen it.
    if (!entry.Trainable()) continue;
    const std::optional<int64_t> label = labels_.Find(*entry.sample.label);
    if (!label) continue;
    const media::Image* picture = nullptr;
    if (!entry.sample.image.empty()) {
      const Result<media::Image> decoded = media::DecodeImage(entry.sample.image, options_.image_limits);
      if (!decoded.ok()) {  // as the prefetcher left it out, unless the limits were wider then
        ++trained.unreadable;
        continue;
      }
      picture = &pictures.emplace_back(model::FitImage(*decoded, options_.spec));
    }
    trained.labels.push_back(*label);
    if (instant_since_.Trained(offset)) continue;
    inputs.push_back({picture, texts.emplace_back(std::move(entry.sample.text))});
    targets.push_back(*label);
  }
  if (trained.instant == nullptr || inputs.empty()) return Status::Ok();
  return trained.instant->Observe(model::MakeBatch(inputs, options_.spec, torch::kCPU), targets);
}

Status StreamTrainer::TellLog(Offset forgotten_until) {
  PERENNIAL_ASSIGN_OR_RETURN(const std::vector<samples::ReaderInfo> readers, log_.Readers());
  const bool behind = std::any_of(readers.begin(), readers.end(), [&](const samples::ReaderInfo& reader) {
    return reader.reader == options_.name && reader.done < forgotten_until;
  });
  if (behind) {
    std::vector<kv::Family> families;
    for (const std::string& name : OnlineTrainer::Families()) {
      PERENNIAL_ASSIGN_OR_RETURN(families.emplace_back(), store_.FindFamily(name));
    }
    PERENNIAL_RETURN_IF_ERROR(store_.Purge(families));
  }
  PERENNIAL_RETURN_IF_ERROR(log_.NoteReader(options_.name, forgotten_until));
  log_knows_ = true;
  return Status::Ok();
}

Status OnlineTrainer::Drop(std::string_view name, samples::SampleLog& log, kv::KvStore& store) {
  PERENNIAL_ASSIGN_OR_RETURN(const kv::Family family, store.FindFamily(kCheckpointFamily));
  kv::WriteBatch batch;
  batch.DeleteRange(family, std::string(name) + "/", std::string(name) + "0");  // '0' comes after '/'
  PERENNIAL_RETURN_IF_ERROR(replay::ReplayBuffer::Drop(store, name, batch));
  PERENNIAL_RETURN_IF_ERROR(store.Write(batch, kv::Durability::kSynced).WithContext("drop trainer"));
  PERENNIAL_ASSIGN_OR_RETURN(const kv::Family memory, store.FindFamily("replay"));
  PERENNIAL_RETURN_IF_ERROR(store.Purge({family, memory}));
  return log.RemoveReader(name);
}

}  // namespace perennial::trainer
