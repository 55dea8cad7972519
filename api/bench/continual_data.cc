#include "api/bench/continual_data.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "api/bench/continual_recipe.h"
#include "storage/base/bytes.h"
#include "storage/base/rng.h"
#include "storage/media/image.h"
#include "storage/sources/source.h"

namespace perennial::bench {
namespace {

constexpr uint64_t kTestDraw = 1, kFoldDraw = 2;

std::optional<double> NumberOf(const std::string& text) {
  if (text.empty()) return std::nullopt;
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  return *end == '\0' && std::isfinite(number) ? std::optional<double>(number) : std::nullopt;
}

// "9" before "10"; numbers before words, words by their bytes.
bool LabelBefore(const std::string& a, const std::string& b) {
  const auto number_a = NumberOf(a), number_b = NumberOf(b);
  if (number_a.has_value() != number_b.has_value()) return number_a.has_value();
  return number_a && *number_a != *number_b ? *number_a < *number_b : a < b;
}

void MakeGrey(media::Image& image) {
  for (size_t i = 0; i + 2 < image.pixels.size(); i += 3) {
    const int grey = (299 * image.pixels[i] + 587 * image.pixels[i + 1] + 114 * image.pixels[i + 2] + 500) / 1000;
    std::fill_n(image.pixels.begin() + static_cast<std::ptrdiff_t>(i), 3, static_cast<uint8_t>(grey));
  }
}

// The picture at the network's size, as PNG.
Result<std::string> Fit(const std::string& bytes, int side, bool grey) {
  const media::DecodeLimits limits;
  PERENNIAL_ASSIGN_OR_RETURN(const media::ImageInfo info, media::ProbeImage(bytes, limits));
  if (!grey && info.format == media::ImageFormat::kPng && info.width == side && info.height == side) {
    PERENNIAL_RETURN_IF_ERROR(media::ValidateImage(bytes, limits));
    return bytes;
  }
  PERENNIAL_ASSIGN_OR_RETURN(media::Image image, media::DecodeImage(bytes, limits));
  if (grey) MakeGrey(image);
  return media::EncodePng(image.width == side && image.height == side ? image : media::Resize(image, side, side));
}

// ASCII only: what UTF-8 has beyond is left as it is.
void FoldCase(std::string& text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string WhyLeftOut(const LabelledData& data) {
  if (data.left_out == 0) return {};
  return "; " + std::to_string(data.left_out) + " were left out, the first: " + data.first_error;
}

// Takes the samples of a source in and brings them into shape.
class Loader {
 public:
  Loader(const DatasetRecipe& recipe, int side) : recipe_(recipe), side_(side) {}

  void Take(sources::Item item) {
    const Status status = item.sample.ok() ? Add(std::move(*item.sample)) : item.sample.status();
    if (status.ok()) return;
    if (data_.left_out == 0) data_.first_error = item.pointer + ": " + status.ToString();
    constexpr uint64_t kShown = 3;
    if (++data_.left_out <= kShown) {
      std::fprintf(stderr, "left out: %s: %s\n", item.pointer.c_str(), status.ToString().c_str());
    }
  }

  Result<LabelledData> Finish(const std::string& path) {
    if (data_.samples.empty()) {
      return InvalidArgument(path + ": no labelled sample could be read" + WhyLeftOut(data_),
                             "one folder per class, idx files, or records with a label");
    }
    if (data_.left_out > 0) {
      std::fprintf(stderr, "%llu samples could not be read and are left out\n",
                   static_cast<unsigned long long>(data_.left_out));
    }
    SortLabels();
    if (!recipe_.slice_classes.empty()) SliceByClasses();
    OrderSlices();
    data_.fold_count = recipe_.folds;
    data_.digest = digest_.Finish();
    return std::move(data_);
  }

 private:
  Status Add(format::Sample sample) {
    if (!sample.label || sample.label->empty()) return Status::Ok();  // waits for a label: nothing to learn or to check
    const std::string encoded = format::EncodeSample(sample);
    if (recipe_.fold_case) FoldCase(*sample.label);
    if (sample.id.empty()) sample.id = "sample/" + std::to_string(data_.samples.size());
    if (!ids_.insert(sample.id).second) {
      sample.id += "#" + std::to_string(data_.samples.size());
      ids_.insert(sample.id);
    }
    if (!sample.image.empty()) {
      const Hash256 hash = Sha256(sample.image);
      if (sample.group.empty()) sample.group = hash.Hex();
      PERENNIAL_ASSIGN_OR_RETURN(sample.image, Fitted(hash, sample.image));
    } else if (sample.group.empty()) {
      sample.group = Sha256(sample.text).Hex();
    }
    data_.has_text = data_.has_text || !sample.text.empty();
    if (!recipe_.slice_column.empty()) {
      if (const auto at = sample.meta.find(std::string(recipe_.slice_column)); at != sample.meta.end()) {
        sample.slice = at->second;
      }
    }
    if (sample.slice.empty()) sample.slice = "default";
    if (recipe_.folds > 0) PERENNIAL_RETURN_IF_ERROR(NoteFold(sample));
    sample.meta.clear();
    digest_.Update(Sha256(encoded).View());
    data_.samples.push_back(std::move(sample));
    return Status::Ok();
  }

  // One picture under many questions is decoded once.
  Result<std::string> Fitted(const Hash256& hash, const std::string& bytes) {
    if (const auto at = fitted_.find(hash); at != fitted_.end()) return at->second;
    PERENNIAL_ASSIGN_OR_RETURN(std::string fit, Fit(bytes, side_, recipe_.grey));
    if (fitted_.size() >= 4096) fitted_.clear();
    fitted_.emplace(hash, fit);
    return fit;
  }

  Status NoteFold(const format::Sample& sample) {
    if (recipe_.fold_column.empty()) {
      const double at = UniformOf(0, kFoldDraw, sample.group) * static_cast<double>(recipe_.folds);
      data_.folds.push_back(static_cast<uint32_t>(at));
      return Status::Ok();
    }
    const auto column = sample.meta.find(std::string(recipe_.fold_column));
    const auto fold = column == sample.meta.end() ? std::nullopt : NumberOf(column->second);
    if (!fold || *fold < 0 || *fold >= static_cast<double>(recipe_.folds) || *fold != std::floor(*fold)) {
      return InvalidArgument(std::string(recipe_.fold_column) + " is not 0 to " + std::to_string(recipe_.folds - 1));
    }
    data_.folds.push_back(static_cast<uint32_t>(*fold));
    return Status::Ok();
  }

  void SortLabels() {
    for (const format::Sample& sample : data_.samples) ++count_[*sample.label];
    for (const auto& [label, count] : count_) data_.labels.push_back(label);
    std::sort(data_.labels.begin(), data_.labels.end(), LabelBefore);
  }

  void SliceByClasses() {
    std::vector<std::string> labels = data_.labels;
    if (recipe_.rarest_class_last) {
      const auto rarest = std::min_element(labels.begin(), labels.end(),
                                           [&](const auto& a, const auto& b) { return count_.at(a) < count_.at(b); });
      std::rotate(rarest, rarest + 1, labels.end());
    }
    std::map<std::string, std::string> slice_of;
    size_t first = 0;
    for (size_t task = 0; first < labels.size(); ++task) {
      const uint64_t wanted = recipe_.slice_classes[std::min(task, recipe_.slice_classes.size() - 1)];
      const size_t last = std::min<size_t>(labels.size(), first + wanted);
      std::string name;
      for (size_t i = first; i < last; ++i) name += (i == first ? "" : "+") + labels[i];
      for (; first < last; ++first) slice_of[labels[first]] = name;
      order_.push_back(name);
    }
    for (format::Sample& sample : data_.samples) sample.slice = slice_of.at(*sample.label);
  }

  void OrderSlices() {
    std::vector<std::string> order = order_;
    for (const std::string_view slice : recipe_.slice_order) order.emplace_back(slice);
    std::set<std::string> present;
    for (const format::Part part : {format::Part::kTrain, format::Part::kTest}) {
      for (const format::Sample& sample : data_.samples) {
        if (sample.part != part || !present.insert(sample.slice).second) continue;
        if (std::find(order.begin(), order.end(), sample.slice) == order.end()) order.push_back(sample.slice);
      }
    }
    std::erase_if(order, [&](const std::string& slice) { return present.count(slice) == 0; });
    data_.slices = std::move(order);
  }

  const DatasetRecipe& recipe_;
  const int side_;
  LabelledData data_;
  Sha256Stream digest_;
  std::unordered_set<std::string> ids_;
  std::map<std::string, uint64_t> count_;
  std::vector<std::string> order_;
  std::unordered_map<Hash256, std::string> fitted_;
};

// The recipe's slice rules, unless the data brings its own.
Result<sources::SourceOptions> SourceOptionsOf(const DatasetRecipe& recipe, const std::string& path) {
  namespace fs = std::filesystem;
  sources::SourceOptions options;
  options.source_name = "data";  // the same data in another folder is the same data
  std::error_code error;
  const fs::path folder = fs::is_directory(path, error) ? fs::path(path) : fs::path(path).parent_path();
  if (recipe.slice_rules.empty() || fs::exists(folder / "slices.toml", error)) return options;
  PERENNIAL_ASSIGN_OR_RETURN(options.slices, sources::SliceRules::Parse(recipe.slice_rules, std::string(recipe.name)));
  return options;
}

// Every tenth sample of each label, and at least one.
void KeepTenth(const LabelledData& data, std::vector<uint32_t>& numbers) {
  std::map<std::string, uint64_t> met;
  std::erase_if(numbers, [&](uint32_t number) { return met[*data.samples[number].label]++ % 10 != 0; });
}

bool IsTest(const LabelledData& data, uint32_t number, const ContinualOptions& options, uint64_t seed) {
  if (!data.folds.empty())
    return data.folds[number] == options.fold.value_or((data.fold_count + seed - 2) % data.fold_count);
  const format::Sample& sample = data.samples[number];
  if (options.test_share > 0) return UniformOf(0, kTestDraw, sample.group) < options.test_share;
  return sample.part == format::Part::kTest;
}

}  // namespace

double UniformOf(uint64_t seed, uint64_t purpose, std::string_view text) {
  const uint64_t hash = ReadBigEndian64(Sha256(text).View());
  return static_cast<double>(Mix64(hash ^ Mix64(seed ^ Mix64(purpose))) >> 11) * 0x1p-53;
}

Result<LabelledData> LoadLabelled(const ContinualOptions& options, int side) {
  const DatasetRecipe* recipe = FindRecipe(options.dataset);
  if (recipe == nullptr) return InvalidArgument("dataset \"" + options.dataset + "\" is unknown");
  PERENNIAL_RETURN_IF_ERROR(CheckHolds(*recipe, options.data));
  if (options.fold && *options.fold >= recipe->folds) {
    return InvalidArgument(
        "--fold " + std::to_string(*options.fold) + ": " +
            (recipe->folds == 0 ? "the data has no folds" : "there are " + std::to_string(recipe->folds) + ", from 0"),
        recipe->folds == 0 ? "use --test-share to hold out a share of the groups" : "");
  }
  PERENNIAL_ASSIGN_OR_RETURN(const sources::SourceOptions source_options, SourceOptionsOf(*recipe, options.data));
  PERENNIAL_ASSIGN_OR_RETURN(auto source, sources::OpenSource(options.data, source_options));
  Loader loader(*recipe, side);
  for (;;) {
    PERENNIAL_ASSIGN_OR_RETURN(std::optional<sources::Item> item, source->Next());
    if (!item) break;
    loader.Take(std::move(*item));
  }
  return loader.Finish(options.data);
}

Result<DataSplit> SplitData(const LabelledData& data, const ContinualOptions& options, uint64_t seed) {
  DataSplit split;
  for (uint32_t number = 0; number < data.samples.size(); ++number) {
    (IsTest(data, number, options, seed) ? split.test : split.train).push_back(number);
  }
  if (options.validate) {
    split.test.clear();
    std::vector<uint32_t> rest;
    for (const uint32_t number : split.train) {
      const bool drawn = UniformOf(seed, kTestDraw, data.samples[number].group) < 0.1;
      (drawn ? split.test : rest).push_back(number);
    }
    split.train = std::move(rest);
  }
  if (options.quick) {
    KeepTenth(data, split.train);
    KeepTenth(data, split.test);
  }
  if (split.train.empty()) {
    return InvalidArgument(options.data + ": the training part is empty: all " + std::to_string(split.test.size()) +
                               " labelled samples are in the test part" + WhyLeftOut(data),
                           "put the training data into train/ or files named train*");
  }
  if (split.test.empty()) {
    return InvalidArgument(options.data + ": the test part is empty: all " + std::to_string(split.train.size()) +
                               " labelled samples are in the training part" + WhyLeftOut(data),
                           "put test data into test/ or files named test*, or hold out a share with --test-share 0.2");
  }
  return split;
}

}  // namespace perennial::bench
