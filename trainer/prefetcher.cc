#include "trainer/prefetcher.h"

#include <algorithm>
#include <utility>

#include "serving/model/preprocess.h"
#include "storage/base/log.h"
#include "trainer/augment.h"

namespace perennial::trainer {
namespace {

constexpr size_t kChunkEntries = 16;
// How long a thread sleeps before it looks whether it shall stop, and after a failed read.
constexpr auto kPatience = std::chrono::milliseconds(50);

// Waits are in the machine's time, whatever clock the trainer shows to people.
SteadyTime Soon() { return SystemClock().In(kPatience); }

}  // namespace

Prefetcher::Prefetcher(const samples::SampleLog& log, Offset begin, Options options)
    : log_(log),
      options_(std::move(options)),
      max_chunks_(std::max<size_t>(2, options_.capacity / kChunkEntries)),
      read_position_(begin) {
  for (int i = 0; i < std::max(1, options_.threads); ++i) {
    threads_.emplace_back("prefetch-" + std::to_string(i), [this] { Work(); });
  }
}

Prefetcher::~Prefetcher() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
  }
  for (Thread& thread : threads_) thread.Join();
}

void Prefetcher::Work() {
  for (;;) {
    auto taken = Take();
    if (taken) {
      Chunk chunk = Prepare(std::move(taken->second));
      MutexLock lock(mutex_);
      ready_.emplace(taken->first, std::move(chunk));
      changed_.NotifyAll();
    }
    MutexLock lock(mutex_);
    if (stopping_) return;
  }
}

std::optional<std::pair<uint64_t, std::vector<samples::Entry>>> Prefetcher::Take() {
  MutexLock reader(reader_mutex_);
  {
    MutexLock lock(mutex_);
    if (!stopping_ && next_number_ >= wanted_ + max_chunks_) changed_.WaitUntil(mutex_, Soon());
    if (stopping_ || next_number_ >= wanted_ + max_chunks_) return std::nullopt;
  }
  if (!log_.WaitPast(read_position_, Soon())) return std::nullopt;
  Result<std::vector<samples::Entry>> entries = log_.ReadRange(read_position_, kChunkEntries);
  if (!entries.ok()) {
    MutexLock lock(mutex_);
    error_ = entries.status().WithContext("read the sample log at offset " + read_position_.ToString());
    changed_.NotifyAll();
    changed_.WaitUntil(mutex_, Soon());
    return std::nullopt;
  }
  if (entries->empty()) return std::nullopt;
  read_position_ = Offset{entries->back().offset.value + 1};
  return std::pair(next_number_++, std::move(*entries));
}

Prefetcher::Chunk Prefetcher::Prepare(std::vector<samples::Entry> entries) const {
  Chunk chunk;
  const Offset last = entries.back().offset;
  for (samples::Entry& entry : entries) {
    if (entry.kind == samples::EntryKind::kFlush) {
      Prepared flush;
      flush.kind = Prepared::Kind::kFlush;
      flush.offset = entry.offset;
      chunk.items.push_back(std::move(flush));
    } else if (entry.kind == samples::EntryKind::kForget) {
      Prepared forget;
      forget.kind = Prepared::Kind::kForget;
      forget.offset = entry.offset;
      forget.since = entry.since;
      forget.example.source = std::move(entry.sample.source);
      chunk.items.push_back(std::move(forget));
    } else if (entry.Trainable()) {
      if (auto prepared = PrepareSample(std::move(entry))) chunk.items.push_back(std::move(*prepared));
    }
  }
  if (chunk.items.empty() || chunk.items.back().offset != last) {
    Prepared skipped;
    skipped.kind = Prepared::Kind::kSkipped;
    skipped.offset = last;
    chunk.items.push_back(std::move(skipped));
  }
  return chunk;
}

std::optional<Prepared> Prefetcher::PrepareSample(samples::Entry entry) const {
  Prepared prepared;
  prepared.offset = entry.offset;
  prepared.appended_us = entry.appended_us;
  if (!entry.sample.image.empty()) {
    Result<media::Image> decoded = media::DecodeImage(entry.sample.image, options_.image_limits);
    if (!decoded.ok()) {
      log::Warn("sample_left_out", {{"offset", entry.offset.value}, {"error", decoded.status().ToString()}});
      return std::nullopt;
    }
    auto pixels = std::make_shared<media::Image>(model::FitImage(*decoded, options_.spec));
    const AugmentOptions augment = entry.sample.text.empty() ? options_.augment : options_.augment.WithText();
    if (ChangesPictures(augment)) {
      auto augmented = std::make_shared<media::Image>(*pixels);
      Rng rng = StreamOf(options_.seed, entry.offset);
      Augment(*augmented, augment, rng);
      prepared.augmented = std::move(augmented);
    } else {
      prepared.augmented = pixels;
    }
    prepared.example.pixels = std::move(pixels);
  }
  prepared.example.offset = entry.offset;
  prepared.example.image = std::move(entry.sample.image);
  prepared.example.text = std::move(entry.sample.text);
  prepared.example.label = std::move(*entry.sample.label);
  prepared.example.source = std::move(entry.sample.source);
  prepared.example.slice = std::move(entry.sample.slice);
  return prepared;
}

Result<std::optional<Prepared>> Prefetcher::Next(SteadyTime deadline) {
  if (current_at_ == current_.size()) {
    MutexLock lock(mutex_);
    for (;;) {
      const auto at = ready_.find(wanted_);
      if (at != ready_.end()) {
        current_ = std::move(at->second.items);
        current_at_ = 0;
        ready_.erase(at);
        ++wanted_;
        changed_.NotifyAll();
        break;
      }
      if (!error_.ok()) return std::exchange(error_, Status::Ok());
      if (!changed_.WaitUntil(mutex_, deadline) && ready_.count(wanted_) == 0) return std::optional<Prepared>();
    }
  }
  return std::optional<Prepared>(std::move(current_[current_at_++]));
}

}  // namespace perennial::trainer
