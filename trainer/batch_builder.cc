#include "trainer/batch_builder.h"

#include <cmath>
#include <cstring>
#include <optional>
#include <utility>

#include "serving/model/preprocess.h"
#include "trainer/augment.h"

namespace perennial::trainer {
namespace {

// Which draw a random stream is for; each has its own.
enum Purpose : uint64_t { kAugmentation = 1, kModalityDropout = 2, kCutMix = 3 };

// Copies a rectangle of `from` over `to`; returns the share of `to` that stayed.
double Paste(const media::Image& from, media::Image& to, Rng& rng) {
  // Side ratio sqrt(1 - share), share uniform: the paper's Beta(1, 1).
  const double ratio = std::sqrt(1 - rng.Uniform());
  const int width = static_cast<int>(to.width * ratio);
  const int height = static_cast<int>(to.height * ratio);
  const int left = static_cast<int>(rng.Below(static_cast<uint64_t>(to.width - width + 1)));
  const int top = static_cast<int>(rng.Below(static_cast<uint64_t>(to.height - height + 1)));
  for (int y = top; y < top + height; ++y) {
    const auto at = static_cast<size_t>((y * to.width + left) * 3);
    std::memcpy(to.pixels.data() + at, from.pixels.data() + at, static_cast<size_t>(width) * 3);
  }
  return 1.0 - static_cast<double>(width) * height / (static_cast<double>(to.width) * to.height);
}

}  // namespace

// A sample on its way into the batch.
struct BatchBuilder::Row {
  Offset offset;
  const replay::Example* example = nullptr;
  std::shared_ptr<const media::Image> pixels;
  bool show_text = true;
  const replay::Example* pasted = nullptr;  // whose picture was pasted in
  double own_share = 1;
};

BatchBuilder::Row BatchBuilder::AugmentedRow(const replay::Example& example, Offset offset, uint64_t step) const {
  Row row{offset, &example, example.pixels};
  const AugmentOptions augment = example.text.empty() ? augment_ : augment_.WithText();
  if (row.pixels == nullptr || !ChangesPictures(augment)) return row;
  auto changed = std::make_shared<media::Image>(*row.pixels);
  Rng rng = StreamOf(seed_, offset, step, kAugmentation);
  Augment(*changed, augment, rng);
  row.pixels = std::move(changed);
  return row;
}

std::vector<BatchBuilder::Row> BatchBuilder::Rows(const std::vector<Prepared>& fresh, const ReplayDraw& replayed,
                                                  uint64_t step, bool again) const {
  std::vector<Row> rows;
  rows.reserve(fresh.size() + replayed.size());
  for (const Prepared& sample : fresh) {
    rows.push_back(again ? AugmentedRow(sample.example, sample.offset, step)
                         : Row{sample.offset, &sample.example, sample.augmented});
  }
  for (const replay::Drawn& drawn : replayed) {
    rows.push_back(AugmentedRow(*drawn.example, drawn.example->offset, step));
  }
  return rows;
}

bool BatchBuilder::MixPictures(std::vector<Row>& rows, uint64_t step) const {
  if (augment_.cutmix <= 0 || rows.size() < 2) return false;
  std::vector<size_t> candidates;  // a question's answer does not mix, so rows with a text stay as they are
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].pixels != nullptr && rows[i].example->text.empty()) candidates.push_back(i);
  }
  if (candidates.size() < 2) return false;
  std::vector<std::shared_ptr<const media::Image>> originals;
  for (const size_t i : candidates) originals.push_back(rows[i].pixels);
  bool any = false;
  for (size_t k = 0; k < candidates.size(); ++k) {
    Row& row = rows[candidates[k]];
    Rng rng = StreamOf(seed_, row.offset, step, kCutMix);
    if (!rng.Chance(augment_.cutmix)) continue;
    const size_t other = (k + 1 + rng.Below(candidates.size() - 1)) % candidates.size();
    auto mixed = std::make_shared<media::Image>(*row.pixels);
    row.own_share = Paste(*originals[other], *mixed, rng);
    row.pixels = std::move(mixed);
    row.pasted = rows[candidates[other]].example;
    any = true;
  }
  return any;
}

void BatchBuilder::DropModalities(std::vector<Row>& rows, uint64_t step) const {
  if (spec_.modality_dropout <= 0) return;
  for (Row& row : rows) {
    if (row.pixels == nullptr || row.example->text.empty()) continue;
    Rng rng = StreamOf(seed_, row.offset, step, kModalityDropout);
    if (!rng.Chance(spec_.modality_dropout)) continue;
    if (rng.Chance(0.5)) {
      row.pixels.reset();
    } else {
      row.show_text = false;
    }
  }
}

Result<StepBatch> BatchBuilder::Build(const std::vector<Prepared>& fresh, const ReplayDraw& replayed,
                                      const LabelSet& labels, uint64_t step, bool again) const {
  std::vector<Row> rows = Rows(fresh, replayed, step, again);
  const bool mixed = MixPictures(rows, step);
  DropModalities(rows, step);

  const auto count = static_cast<int64_t>(rows.size());
  torch::Tensor targets = torch::empty({count}, torch::kInt64);
  torch::Tensor mixed_targets = torch::empty({count}, torch::kInt64);
  torch::Tensor own_share = torch::ones({count}, torch::kFloat32);
  std::vector<model::RawInput> inputs;
  inputs.reserve(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    const Row& row = rows[i];
    inputs.push_back({row.pixels.get(), row.show_text ? std::string_view(row.example->text) : std::string_view()});
    const std::optional<int64_t> own = labels.Find(row.example->label);
    const std::optional<int64_t> pasted = row.pasted == nullptr ? own : labels.Find(row.pasted->label);
    if (!own || !pasted) return Internal("label \"" + row.example->label + "\" of a sample in the batch has no output");
    targets.data_ptr<int64_t>()[i] = *own;
    mixed_targets.data_ptr<int64_t>()[i] = *pasted;
    own_share.data_ptr<float>()[i] = static_cast<float>(row.own_share);
  }
  StepBatch batch;
  batch.input = packed_ ? model::MakePackedBatch(inputs, spec_) : model::MakeBatch(inputs, spec_, torch::kCPU);
  batch.targets = targets;
  batch.fresh = static_cast<int64_t>(fresh.size());
  for (const Row& row : rows) batch.offsets.push_back(row.offset);
  if (mixed) {
    batch.mixed_targets = mixed_targets;
    batch.own_share = own_share;
  }
  return batch;
}

}  // namespace perennial::trainer
