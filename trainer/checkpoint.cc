#include "trainer/checkpoint.h"

#include <cstring>
#include <utility>

#include "storage/base/bytes.h"

namespace perennial::trainer {
namespace {

constexpr uint8_t kFormat = 4;
constexpr size_t kMaxText = 1u << 20;
constexpr uint64_t kMostRecords = 4;

std::string KeyOf(std::string_view name, std::string_view part) { return std::string(name) + "/" + std::string(part); }

void EncodeStrings(const std::vector<std::string>& strings, ByteWriter& out) {
  out.Varint(strings.size());
  for (const std::string& text : strings) out.Bytes(text);
}

std::vector<std::string> DecodeStrings(ByteReader& in) {
  std::vector<std::string> strings;
  const uint64_t count = in.Varint();
  for (uint64_t i = 0; i < count && in.ok(); ++i) strings.emplace_back(in.Bytes(kMaxText));
  return strings;
}

void EncodePosition(const ReadPosition& position, ByteWriter& out) {
  out.U64(position.next.value);
  out.Varint(position.waiting.size());
  for (const Offset offset : position.waiting) out.Varint(offset.value);
  out.U64(position.forgotten_until.value);
}

ReadPosition DecodePosition(ByteReader& in) {
  ReadPosition position;
  position.next.value = in.U64();
  const uint64_t count = in.Varint();
  for (uint64_t i = 0; i < count && in.ok(); ++i) {
    const Offset offset{in.Varint()};
    const bool in_order = position.waiting.empty() || position.waiting.back() < offset;
    if (!in_order || !(offset < position.next)) in.Fail();
    position.waiting.push_back(offset);
  }
  position.forgotten_until.value = in.U64();
  return position;
}

std::string EncodeMeta(const Checkpoint& checkpoint) {
  ByteWriter out;
  out.U8(kFormat);
  out.Bytes(checkpoint.spec_json);
  out.Bytes(checkpoint.strategy);
  out.Bytes(checkpoint.strategy_state);
  out.Bytes(checkpoint.optimiser);
  EncodePosition(checkpoint.position, out);
  EncodePosition(checkpoint.instant_since, out);
  out.U8(checkpoint.forget_owed ? 1 : 0);
  out.U64(checkpoint.steps);
  out.U64(checkpoint.batches);
  out.Varint(checkpoint.batch_steps);
  out.Varint(checkpoint.batch_done);
  out.U64(checkpoint.samples_trained);
  out.U64(checkpoint.skipped_steps);
  out.F64(checkpoint.loss);
  out.I64(checkpoint.newest_sample_us);
  out.U8(checkpoint.flush_due ? 1 : 0);
  out.Bytes(checkpoint.rng);
  EncodeStrings(checkpoint.labels, out);
  out.Varint(checkpoint.label_samples.size());
  for (const uint64_t samples : checkpoint.label_samples) out.Varint(samples);
  EncodeStrings(checkpoint.slices, out);
  out.Bytes(checkpoint.last_slice);
  checkpoint.published.EncodeTo(out);
  out.U8(checkpoint.learner ? 1 : 0);
  if (checkpoint.learner) {
    out.U64(checkpoint.learner->optimiser_steps);
    out.Bytes(checkpoint.learner->layout.Encode());
    out.Varint(checkpoint.learner->records.size());
  }
  return out.Take();
}

Result<Checkpoint> DecodeMeta(std::string_view bytes) {
  ByteReader in(bytes);
  if (const uint8_t format = in.U8(); in.ok() && format != kFormat) {
    return FailedPrecondition(
        "trainer checkpoint has format " + std::to_string(format) + ", this program reads " + std::to_string(kFormat),
        "start the version of Perennial that wrote it");
  }
  Checkpoint checkpoint;
  checkpoint.spec_json = std::string(in.Bytes(kMaxText));
  checkpoint.strategy = std::string(in.Bytes(kMaxText));
  checkpoint.strategy_state = std::string(in.Bytes());
  checkpoint.optimiser = std::string(in.Bytes(kMaxText));
  checkpoint.position = DecodePosition(in);
  checkpoint.instant_since = DecodePosition(in);
  checkpoint.forget_owed = in.U8() != 0;
  checkpoint.steps = in.U64();
  checkpoint.batches = in.U64();
  checkpoint.batch_steps = in.Varint();
  checkpoint.batch_done = in.Varint();
  checkpoint.samples_trained = in.U64();
  checkpoint.skipped_steps = in.U64();
  checkpoint.loss = in.F64();
  checkpoint.newest_sample_us = in.I64();
  checkpoint.flush_due = in.U8() != 0;
  checkpoint.rng = std::string(in.Bytes(64));
  checkpoint.labels = DecodeStrings(in);
  const uint64_t counted = in.Varint();
  for (uint64_t i = 0; i < counted && in.ok(); ++i) checkpoint.label_samples.push_back(in.Varint());
  checkpoint.slices = DecodeStrings(in);
  checkpoint.last_slice = std::string(in.Bytes(kMaxText));
  checkpoint.published.DecodeFrom(in);
  if (in.U8() != 0) {
    LearnerState& learner = checkpoint.learner.emplace();
    learner.optimiser_steps = in.U64();
    const std::string_view layout = in.Bytes();
    if (in.ok()) {
      PERENNIAL_ASSIGN_OR_RETURN(learner.layout, FlatLayout::Decode(layout));
    }
    const uint64_t records = in.Varint();
    if (records > kMostRecords) in.Fail();
    learner.records.resize(in.ok() ? records : 0);
  }
  PERENNIAL_RETURN_IF_ERROR(in.Finish("trainer checkpoint"));
  if (checkpoint.label_samples.size() > checkpoint.labels.size()) {
    return Corruption("trainer checkpoint counts the samples of more labels than it has");
  }
  const bool none_begun = checkpoint.batch_steps == 0 && checkpoint.batch_done == 0;
  if (!none_begun && checkpoint.batch_done >= checkpoint.batch_steps) {
    return Corruption("trainer checkpoint has a begun batch with no step left");
  }
  return checkpoint;
}

// f32 values, little-endian as every machine we run on stores them; no bytes where all may be 0 and are, as the moments
// of plain SGD.
std::string TensorBytes(const torch::Tensor& tensor, bool may_be_zero) {
  const std::string_view bytes(reinterpret_cast<const char*>(tensor.data_ptr<float>()),
                               static_cast<size_t>(tensor.numel()) * sizeof(float));
  const bool is_zero = may_be_zero && bytes.find_first_not_of('\0') == std::string_view::npos;
  return std::string(is_zero ? std::string_view() : bytes);
}

Result<torch::Tensor> TensorOf(const std::optional<std::string>& bytes, const std::string& key, int64_t total,
                               bool may_be_zero) {
  const auto expected = static_cast<size_t>(total) * sizeof(float);
  if (bytes && bytes->empty() && may_be_zero) return torch::zeros({total}, torch::kFloat32);
  if (!bytes || bytes->size() != expected) {
    return Corruption("trainer checkpoint: " + key + " has " + std::to_string(bytes ? bytes->size() : 0) +
                          " bytes, not " + std::to_string(expected),
                      "restore the data folder from a copy, or start with an empty one");
  }
  torch::Tensor tensor = torch::empty({total}, torch::kFloat32);
  std::memcpy(tensor.data_ptr<float>(), bytes->data(), expected);
  return tensor;
}

constexpr const char* kInstantPart = "instant";
std::string RecordKey(std::string_view name, size_t number) { return KeyOf(name, "record" + std::to_string(number)); }

struct Part {
  const char* name;
  torch::Tensor LearnerState::*tensor;
  bool may_be_zero = false, may_miss = false;
};
constexpr Part kParts[] = {{"weights", &LearnerState::weights},
                           {"average", &LearnerState::average},
                           {"moment1", &LearnerState::moment1, true},
                           {"moment2", &LearnerState::moment2, true},
                           {"teacher", &LearnerState::teacher, false, true}};

}  // namespace

void PutCheckpoint(const Checkpoint& checkpoint, kv::Family family, std::string_view name, kv::WriteBatch& batch) {
  batch.Put(family, KeyOf(name, "meta"), EncodeMeta(checkpoint));
  if (checkpoint.instant) {
    batch.Put(family, KeyOf(name, kInstantPart), *checkpoint.instant);
  } else {
    batch.Delete(family, KeyOf(name, kInstantPart));  // it may have been on before
  }
  if (!checkpoint.learner) return;
  const std::vector<torch::Tensor>& records = checkpoint.learner->records;
  TORCH_CHECK(records.size() <= kMostRecords, "a strategy with ", records.size(), " records, more than ", kMostRecords);
  for (size_t i = 0; i < records.size(); ++i) batch.Put(family, RecordKey(name, i), TensorBytes(records[i], true));
  for (size_t i = records.size(); i < kMostRecords; ++i) batch.Delete(family, RecordKey(name, i));
  for (const Part& part : kParts) {
    const torch::Tensor& tensor = *checkpoint.learner.*part.tensor;
    if (tensor.defined()) {
      batch.Put(family, KeyOf(name, part.name), TensorBytes(tensor, part.may_be_zero));
    } else {
      batch.Delete(family, KeyOf(name, part.name));  // an older checkpoint may have had one
    }
  }
}

Result<std::optional<Checkpoint>> LoadCheckpoint(const kv::KvStore& store, kv::Family family, std::string_view name) {
  PERENNIAL_ASSIGN_OR_RETURN(const std::optional<std::string> meta, store.Get(family, KeyOf(name, "meta")));
  if (!meta) return std::optional<Checkpoint>();
  PERENNIAL_ASSIGN_OR_RETURN(Checkpoint checkpoint, DecodeMeta(*meta));
  PERENNIAL_ASSIGN_OR_RETURN(checkpoint.instant, store.Get(family, KeyOf(name, kInstantPart)));
  if (checkpoint.learner) {
    for (const Part& part : kParts) {
      const std::string key = KeyOf(name, part.name);
      PERENNIAL_ASSIGN_OR_RETURN(const std::optional<std::string> bytes, store.Get(family, key));
      if (!bytes && part.may_miss) continue;
      PERENNIAL_ASSIGN_OR_RETURN((*checkpoint.learner).*part.tensor,
                                 TensorOf(bytes, key, checkpoint.learner->layout.total, part.may_be_zero));
    }
    for (size_t i = 0; i < checkpoint.learner->records.size(); ++i) {
      const std::string key = RecordKey(name, i);
      PERENNIAL_ASSIGN_OR_RETURN(const std::optional<std::string> bytes, store.Get(family, key));
      PERENNIAL_ASSIGN_OR_RETURN(checkpoint.learner->records[i],
                                 TensorOf(bytes, key, checkpoint.learner->layout.total, true));
    }
  }
  return std::optional<Checkpoint>(std::move(checkpoint));
}

}  // namespace perennial::trainer
