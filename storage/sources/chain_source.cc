#include "storage/sources/chain_source.h"

namespace perennial::sources {
namespace {

class ChainSource final : public Source {
 public:
  explicit ChainSource(std::vector<Link> links) : links_(std::move(links)) {}

  Result<std::optional<Item>> Next() override {
    while (true) {
      if (current_) {
        PERENNIAL_ASSIGN_OR_RETURN(auto item, current_->Next());
        if (item) return item;
        current_.reset();
      }
      if (at_ == links_.size()) return std::optional<Item>();
      const Link& link = links_[at_++];
      auto source = link.open();
      if (!source.ok()) return std::optional<Item>(Item{source.status(), link.pointer});
      current_ = std::move(*source);
    }
  }
  std::optional<uint64_t> Size() const override { return std::nullopt; }

 private:
  const std::vector<Link> links_;
  size_t at_ = 0;
  std::unique_ptr<Source> current_;
};

class FinishingSource final : public Source {
 public:
  FinishingSource(std::unique_ptr<Source> source, const SourceOptions& options)
      : source_(std::move(source)), slices_(options.slices), limits_(options.limits) {}

  Result<std::optional<Item>> Next() override {
    PERENNIAL_ASSIGN_OR_RETURN(auto item, source_->Next());
    if (item && item->sample.ok()) {
      format::Sample& sample = *item->sample;
      if (slices_) {
        if (auto slice = slices_->SliceOf(sample.text)) sample.slice = std::move(*slice);
      }
      if (Status status = format::ValidateSample(sample, limits_); !status.ok()) item->sample = std::move(status);
    }
    return item;
  }
  std::optional<uint64_t> Size() const override { return source_->Size(); }

 private:
  std::unique_ptr<Source> source_;
  const std::optional<SliceRules> slices_;
  const format::SampleLimits limits_;
};

}  // namespace

std::unique_ptr<Source> Chain(std::vector<Link> links) { return std::make_unique<ChainSource>(std::move(links)); }

std::unique_ptr<Source> Finish(std::unique_ptr<Source> source, const SourceOptions& options) {
  return std::make_unique<FinishingSource>(std::move(source), options);
}

}  // namespace perennial::sources
