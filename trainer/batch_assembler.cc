#include "trainer/batch_assembler.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace perennial::trainer {
namespace {

constexpr size_t kBatchesWaiting = 32;

}  // namespace

SourceLimit SourceLimit::Of(double share, size_t size) {
  if (share <= 0 || share >= 1) return {};
  // A hair more than the product, so that 0.3 of 10 is 3.
  const double rows = std::floor(share * static_cast<double>(size) + 1e-9);
  return {std::max<size_t>(1, static_cast<size_t>(rows)), kBatchesWaiting * size};
}

bool ReadPosition::Trained(Offset offset) const {
  return offset < next && !std::binary_search(waiting.begin(), waiting.end(), offset);
}

BatchAssembler::BatchAssembler(Prefetcher& prefetcher, size_t size, ReadPosition position, SourceLimit limit)
    : prefetcher_(prefetcher),
      size_(size),
      limit_(limit),
      position_(std::move(position)),
      next_(position_.next),
      restoring_(!position_.waiting.empty()) {}

Result<std::optional<Prepared>> BatchAssembler::Next(SteadyTime deadline) {
  if (ahead_) return std::exchange(ahead_, std::nullopt);
  return prefetcher_.Next(deadline);
}

Result<BatchAssembler::State> BatchAssembler::Fill(SteadyTime deadline) {
  while (!ready_) {
    if (forgetting_) return State::kForget;
    PERENNIAL_ASSIGN_OR_RETURN(std::optional<Prepared> item, Next(deadline));
    if (!item) return State::kWaiting;
    if (restoring_) {
      Restore(std::move(*item));
    } else if (Place(std::move(*item))) {
      return State::kFlushed;
    }
  }
  return State::kReady;
}

void BatchAssembler::Restore(Prepared item) {
  const Offset offset = item.offset;
  if (offset < position_.next) {
    const bool waits = item.kind == Prepared::Kind::kSample &&
                       std::binary_search(position_.waiting.begin(), position_.waiting.end(), offset);
    if (waits) held_back_.push_back(std::move(item));
  } else {
    ahead_ = std::move(item);
  }
  if (offset.value + 1 < position_.next.value) return;
  restoring_ = false;
  TakeHeldBack();
}

bool BatchAssembler::Place(Prepared item) {
  const Offset after{item.offset.value + 1};
  switch (item.kind) {
    case Prepared::Kind::kSkipped:
      next_ = after;
      if (samples_.empty()) position_.next = next_;
      break;
    case Prepared::Kind::kFlush:
      if (samples_.empty()) {
        position_.next = next_ = after;
        return true;
      }
      ready_ = true;
      // While samples wait it is not passed: what is saved meanwhile has to come to it again.
      flushing_ = !held_back_.empty();
      ended_by_flush_ = !flushing_;
      next_ = flushing_ ? item.offset : after;
      break;
    case Prepared::Kind::kForget:
      next_ = after;
      if (item.offset >= position_.forgotten_until) {
        forgetting_ = Forgetting{std::move(item.example.source), item.since, item.offset};
        break;
      }
      LetGo(item.example.source);
      if (samples_.empty()) position_.next = next_;
      break;
    case Prepared::Kind::kSample:
      next_ = after;
      if (HasRoom(item.example.source)) {
        Take(std::move(item));
      } else {
        held_back_.push_back(std::move(item));
      }
      ready_ = samples_.size() >= size_ || held_back_.size() > limit_.most_waiting;
      break;
  }
  return false;
}

bool BatchAssembler::HasRoom(const std::string& source) const {
  if (limit_.per_batch == 0) return true;
  const auto at = of_source_.find(source);
  return at == of_source_.end() || at->second < limit_.per_batch;
}

void BatchAssembler::Take(Prepared sample) {
  if (limit_.per_batch > 0) ++of_source_[sample.example.source];
  samples_.push_back(std::move(sample));
}

void BatchAssembler::LetGo(std::string_view source) {
  const auto is_of = [source](const Prepared& sample) { return sample.example.source == source; };
  std::erase_if(samples_, is_of);
  std::erase_if(held_back_, is_of);
  of_source_.erase(std::string(source));
  has_waited_ = std::any_of(samples_.begin(), samples_.end(),
                            [this](const Prepared& sample) { return sample.offset < position_.next; });
}

void BatchAssembler::Forgotten() {
  LetGo(forgetting_->source);
  position_.forgotten_until = next_;
  forgetting_.reset();
  // All that waited when the batch began is in it, or waits still.
  std::erase_if(position_.waiting, [this](Offset offset) {
    const auto is_it = [offset](const Prepared& sample) { return sample.offset == offset; };
    return std::none_of(samples_.begin(), samples_.end(), is_it) &&
           std::none_of(held_back_.begin(), held_back_.end(), is_it);
  });
  if (samples_.empty()) position_.next = next_;
}

void BatchAssembler::TakeHeldBack() {
  std::deque<Prepared> waiting = std::exchange(held_back_, {});
  for (Prepared& sample : waiting) {
    if (samples_.size() < size_ && HasRoom(sample.example.source)) {
      Take(std::move(sample));
      has_waited_ = true;
    } else {
      held_back_.push_back(std::move(sample));
    }
  }
  ready_ = samples_.size() >= size_ || flushing_;
  if (flushing_ && held_back_.empty()) {
    flushing_ = false;
    ended_by_flush_ = true;
    next_ = Offset{next_.value + 1};
  }
}

double BatchAssembler::fullness() const {
  const bool limited = limit_.per_batch > 0 && (has_waited_ || !held_back_.empty());
  return limited ? static_cast<double>(samples_.size()) / static_cast<double>(size_) : 1.0;
}

std::vector<Prepared> BatchAssembler::Commit() {
  position_.next = next_;
  position_.waiting.clear();
  for (const Prepared& sample : held_back_) position_.waiting.push_back(sample.offset);
  ready_ = ended_by_flush_ = has_waited_ = false;
  of_source_.clear();
  std::vector<Prepared> trained = std::exchange(samples_, {});
  if (!held_back_.empty()) TakeHeldBack();
  return trained;
}

}  // namespace perennial::trainer
