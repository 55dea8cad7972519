#include "storage/sources/simulator.h"

#include <algorithm>
#include <deque>

#include "storage/base/config.h"
#include "storage/sources/field_slice.h"
#include "storage/sources/names.h"
#include "storage/sources/phrase_book.h"

namespace perennial::sources {
namespace {

constexpr int kJpegQuality = 92;

std::vector<std::string> ScheduleOf(const SimulatorOptions& options) {
  return options.schedule.empty() ? SimulatorSlices() : options.schedule;
}

class Simulator final : public Source {
 public:
  explicit Simulator(const SimulatorOptions& options) : options_(options), schedule_(ScheduleOf(options)) {}

  Result<std::optional<Item>> Next() override {
    if (ready_.empty()) PERENNIAL_RETURN_IF_ERROR(DrawPicture());
    if (ready_.empty()) return std::optional<Item>();
    Item item = std::move(ready_.front());
    ready_.pop_front();
    return std::optional<Item>(std::move(item));
  }
  std::optional<uint64_t> Size() const override {
    return schedule_.size() * (options_.train_per_slice + options_.test_per_slice);
  }

 private:
  // Moves on to the part and slice that still want questions and draws one picture with its questions; nothing at the
  // end.
  Status DrawPicture() {
    while (slice_ < schedule_.size() && asked_ >= Wanted()) {
      asked_ = picture_ = 0;
      if (part_ == format::Part::kTest) {
        part_ = format::Part::kTrain;
      } else {
        part_ = format::Part::kTest;
        ++slice_;
      }
    }
    if (slice_ == schedule_.size()) return Status::Ok();
    const uint64_t wanted = std::min<uint64_t>(static_cast<uint64_t>(options_.questions_per_image), Wanted() - asked_);
    asked_ += wanted;
    return Ask(picture_++, static_cast<int>(wanted));
  }

  uint64_t Wanted() const { return part_ == format::Part::kTest ? options_.test_per_slice : options_.train_per_slice; }

  Status Ask(uint64_t picture, int questions) {
    const std::string& slice = schedule_[slice_];
    const bool test = part_ == format::Part::kTest;
    // Keyed by what the picture is for, not by its place in the schedule: a slice looks the same in any schedule.
    const auto known = SimulatorSlices();
    const auto kind = static_cast<uint64_t>(std::find(known.begin(), known.end(), slice) - known.begin());
    Rng rng(options_.seed, Mix64(2 * kind + (test ? 1 : 0) + 1) + picture);
    const FieldCase drawn = DrawCase(slice, questions, rng);
    const media::Image image = DrawScene(drawn.scene, options_.image_size, rng);
    PERENNIAL_ASSIGN_OR_RETURN(const std::string bytes,
                               options_.jpeg ? media::EncodeJpeg(image, kJpegQuality) : media::EncodePng(image));
    format::Sample sample;
    sample.source = "simulator";
    sample.group = slice + (test ? "-test-" : "-train-") + std::to_string(picture);
    sample.slice = slice;
    sample.part = part_;
    sample.image = bytes;
    for (size_t i = 0; i < drawn.questions.size(); ++i) {
      const FieldQuestion& question = drawn.questions[i];
      const Language language = rng.Chance(options_.chinese_share) ? Language::kChinese : Language::kEnglish;
      sample.id = sample.group;
      sample.id.append("/").append(std::to_string(i));
      sample.text = PhraseBook::Default().Ask(question.kind, question.word, language, rng);
      sample.label = question.answer;
      ready_.push_back({sample, sample.id});
    }
    return Status::Ok();
  }

  const SimulatorOptions options_;
  const std::vector<std::string> schedule_;
  size_t slice_ = 0;
  format::Part part_ = format::Part::kTest;
  uint64_t asked_ = 0, picture_ = 0;
  std::deque<Item> ready_;
};

}  // namespace

Status SimulatorOptions::Validate() const {
  if (image_size < 16 || image_size > 1024) return InvalidArgument("image size must be from 16 to 1024 pixels");
  if (questions_per_image < 1 || questions_per_image > 16)
    return InvalidArgument("questions per image must be from 1 to 16");
  if (!(chinese_share >= 0 && chinese_share <= 1)) return InvalidArgument("the share of Chinese must be from 0 to 1");
  if (train_per_slice > 10'000'000 || test_per_slice > 10'000'000)
    return InvalidArgument("at most 10 million samples a slice");
  const auto known = SimulatorSlices();
  std::vector<std::string> seen;
  for (const std::string& slice : schedule) {
    if (std::find(known.begin(), known.end(), slice) == known.end()) {
      std::string all;
      for (const std::string& name : known) all.append(all.empty() ? "" : ", ").append(name);
      const std::string closest = ClosestWord(slice, known);
      return InvalidArgument("unknown slice " + Quoted(slice) + "; known are " + all,
                             closest.empty() ? "" : "did you mean " + Quoted(closest) + "?");
    }
    if (std::find(seen.begin(), seen.end(), slice) != seen.end())
      return InvalidArgument("slice " + Quoted(slice) + " is named twice");
    seen.push_back(slice);
  }
  return Status::Ok();
}

Result<std::unique_ptr<Source>> OpenSimulator(const SimulatorOptions& options) {
  PERENNIAL_RETURN_IF_ERROR(options.Validate());
  return std::unique_ptr<Source>(std::make_unique<Simulator>(options));
}

}  // namespace perennial::sources
