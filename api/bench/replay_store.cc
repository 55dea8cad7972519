#include "api/bench/replay_store.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "api/bench/sink_store.h"
#include "replay/replay_buffer.h"
#include "storage/base/clock.h"
#include "storage/kv/kv_store.h"
#include "storage/sources/source.h"

namespace perennial::bench {
namespace {

using replay::Drawn;
using replay::Example;
using replay::ReplayBuffer;
using replay::ReplayOptions;
using Json = nlohmann::ordered_json;

constexpr size_t kDraw = 64;
constexpr uint64_t kCheckpointEvery = 50'000;

double SecondsSince(SteadyTime begin) { return std::chrono::duration<double>(SystemClock().Now() - begin).count(); }

double Median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

uint64_t ResidentBytes() {
  uint64_t pages = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> pages >> resident;
  return resident * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
}

// A memory with a RocksDB folder of its own.
class Memory {
 public:
  static Result<std::unique_ptr<Memory>> Make(const ReplayOptions& options) {
    PERENNIAL_ASSIGN_OR_RETURN(TemporaryFolder folder, TemporaryFolder::Make("perennial-bench-replay"));
    std::unique_ptr<Memory> memory(new Memory(std::move(folder)));
    PERENNIAL_RETURN_IF_ERROR(memory->Reopen(options));
    return memory;
  }
  // As it was last saved, perhaps with other options.
  Status Reopen(const ReplayOptions& options) {
    buffer_.reset();
    store_.reset();
    kv::KvOptions where;
    where.path = folder_.path();
    where.families = ReplayBuffer::Families();
    PERENNIAL_ASSIGN_OR_RETURN(store_, kv::OpenRocks(where));
    PERENNIAL_ASSIGN_OR_RETURN(buffer_, ReplayBuffer::Open(*store_, "main", options));
    return Status::Ok();
  }
  Status Save() {
    kv::WriteBatch batch;
    buffer_->ContributeTo(batch);
    PERENNIAL_RETURN_IF_ERROR(store_->Write(batch, kv::Durability::kBuffered));
    buffer_->Confirm();
    return Status::Ok();
  }
  ReplayBuffer& buffer() { return *buffer_; }

 private:
  explicit Memory(TemporaryFolder folder) : folder_(std::move(folder)) {}
  TemporaryFolder folder_;
  std::unique_ptr<kv::KvStore> store_;
  std::unique_ptr<ReplayBuffer> buffer_;
};

// A grey stroke on black, as a scanned digit is.
media::Image Stroke(Rng& rng, int side) {
  media::Image image{side, side, std::vector<uint8_t>(static_cast<size_t>(side * side * 3))};
  int x = side / 2;
  for (int y = 4; y < side - 4; ++y) {
    x = std::clamp(x + static_cast<int>(rng.Below(3)) - 1, 3, side - 4);
    for (int k = -2; k <= 2; ++k) {
      const auto value = static_cast<uint8_t>(rng.Below(60) + (k == 0 ? 190 : 80));
      std::memset(image.pixels.data() + (y * side + x + k) * 3, value, 3);
    }
  }
  return image;
}

// Draws and copies for `draws` draws; seconds.
Result<double> DrawAndCopy(ReplayBuffer& buffer, uint64_t draws, std::vector<uint8_t>& batch, Rng& rng) {
  const SteadyTime begin = SystemClock().Now();
  for (uint64_t i = 0; i < draws; ++i) {
    PERENNIAL_ASSIGN_OR_RETURN(const std::vector<Drawn> drawn, buffer.Draw(kDraw, rng));
    uint8_t* to = batch.data();
    for (const Drawn& one : drawn) {
      const std::vector<uint8_t>& pixels = one.example->pixels->pixels;
      std::memcpy(to, pixels.data(), pixels.size());
      to += pixels.size();
    }
  }
  return SecondsSince(begin);
}

// The bare side: pictures picked at random from one array.
double CopyOnly(const std::vector<uint8_t>& all, size_t picture, uint64_t draws, std::vector<uint8_t>& batch,
                Rng& rng) {
  std::vector<size_t> picked(draws * kDraw);
  for (size_t& place : picked) place = rng.Below(all.size() / picture) * picture;
  const SteadyTime begin = SystemClock().Now();
  for (uint64_t i = 0; i < draws; ++i) {
    for (size_t k = 0; k < kDraw; ++k) {
      std::memcpy(batch.data() + k * picture, all.data() + picked[i * kDraw + k], picture);
    }
    // The copies are wanted.
    asm volatile("" : : "r"(batch.data()) : "memory");
  }
  return SecondsSince(begin);
}

}  // namespace

Result<FetchFigures> MeasureFetch(uint64_t examples, uint64_t rounds, uint64_t seed, RawRecords& records) {
  constexpr int kSide = 28;
  constexpr size_t kPicture = kSide * kSide * 3;
  ReplayOptions options;
  options.capacity = examples;
  options.image_size = kSide;
  options.payload = ReplayOptions::Payload::kDeflate;
  PERENNIAL_ASSIGN_OR_RETURN(const auto cached, Memory::Make(options));
  PERENNIAL_ASSIGN_OR_RETURN(const auto disk, Memory::Make(options));
  Rng rng(seed);
  std::vector<uint8_t> all;
  for (uint64_t i = 0; i < examples; ++i) {
    Example example;
    example.offset = Offset{i};
    example.label = std::to_string(i % 10);
    example.source = "bench";
    example.slice = "default";
    example.pixels = std::make_shared<const media::Image>(Stroke(rng, kSide));
    all.insert(all.end(), example.pixels->pixels.begin(), example.pixels->pixels.end());
    cached->buffer().Add(example, rng);
    disk->buffer().Add(std::move(example), rng);
  }
  PERENNIAL_RETURN_IF_ERROR(cached->Save());
  PERENNIAL_RETURN_IF_ERROR(disk->Save());
  options.cache_bytes = 0;
  PERENNIAL_RETURN_IF_ERROR(disk->Reopen(options));

  std::vector<uint8_t> batch(kDraw * kPicture);
  constexpr uint64_t kDraws = 400;
  constexpr uint64_t kDiskDraws = 40;
  std::vector<double> cached_rates, disk_rates, ratios;
  for (uint64_t round = 0; round < rounds + 1; ++round) {
    PERENNIAL_ASSIGN_OR_RETURN(const double cached_s, DrawAndCopy(cached->buffer(), kDraws, batch, rng));
    const double copy_s = CopyOnly(all, kPicture, kDraws, batch, rng);
    PERENNIAL_ASSIGN_OR_RETURN(const double disk_s, DrawAndCopy(disk->buffer(), kDiskDraws, batch, rng));
    if (round == 0) continue;  // warm-up
    cached_rates.push_back(static_cast<double>(kDraws * kDraw) / cached_s);
    disk_rates.push_back(static_cast<double>(kDiskDraws * kDraw) / disk_s);
    ratios.push_back(copy_s / cached_s);
    records.Add(Json{
        {"part", "fetch"},
        {"round", round},
        {"fetches", kDraws * kDraw},
        {"cached_s", cached_s},
        {"memcpy_s", copy_s},
        {"disk_fetches", kDiskDraws * kDraw},
        {"disk_s",
         disk_s}}.dump());
  }
  return FetchFigures{Median(cached_rates), Median(disk_rates), Median(ratios)};
}

namespace {

// A full memory and the stream that goes on into it.
class InsertSide {
 public:
  static Result<std::unique_ptr<InsertSide>> Make(uint64_t examples, uint64_t classes, uint64_t seed) {
    ReplayOptions options;
    options.policy = ReplayOptions::Policy::kClassBalanced;
    options.partition = ReplayOptions::Partition::kLabel;
    options.capacity = examples;
    options.capacity_bytes = UINT64_MAX;
    options.cache_bytes = 1u << 20;
    std::unique_ptr<InsertSide> side(new InsertSide(classes, seed));
    PERENNIAL_ASSIGN_OR_RETURN(side->buffer_, ReplayBuffer::Open(side->store_, "main", options));
    const uint64_t step = std::max<uint64_t>(1, examples / 10);
    for (uint64_t i = 0; i < examples; ++i) {
      PERENNIAL_RETURN_IF_ERROR(side->AddOne(nullptr));
      if ((i + 1) % step == 0 && examples >= 1'000'000) {
        std::fprintf(stderr, "filled %llu of %llu\n", static_cast<unsigned long long>(i + 1),
                     static_cast<unsigned long long>(examples));
      }
    }
    PERENNIAL_RETURN_IF_ERROR(side->Save());
    return side;
  }
  // `count` further examples; the 99th percentile of an Add in microseconds.
  Result<double> Turn(uint64_t count) {
    std::vector<double> micros;
    micros.reserve(count);
    for (uint64_t i = 0; i < count; ++i) PERENNIAL_RETURN_IF_ERROR(AddOne(&micros));
    const auto at = micros.begin() + static_cast<std::ptrdiff_t>(count * 99 / 100);
    std::nth_element(micros.begin(), at, micros.end());
    return *at;
  }

 private:
  InsertSide(uint64_t classes, uint64_t seed) : rng_(seed), stream_(seed + 1) {
    for (uint64_t i = 0; i < classes; ++i) labels_.push_back("class-" + std::to_string(i));
  }
  Status AddOne(std::vector<double>* micros) {
    Example example;
    example.offset = Offset{next_++};
    example.text = "t";
    example.label = labels_[stream_.Below(labels_.size())];
    const SteadyTime begin = SystemClock().Now();
    buffer_->Add(std::move(example), rng_);
    if (micros != nullptr) micros->push_back(SecondsSince(begin) * 1e6);
    return next_ % kCheckpointEvery == 0 ? Save() : Status::Ok();
  }
  // The whole of a checkpoint but the disk.
  Status Save() {
    kv::WriteBatch batch;
    buffer_->ContributeTo(batch);
    PERENNIAL_RETURN_IF_ERROR(store_.Write(batch, kv::Durability::kBuffered));
    buffer_->Confirm();
    return Status::Ok();
  }

  SinkStore store_;
  std::unique_ptr<ReplayBuffer> buffer_;
  std::vector<std::string> labels_;
  Rng rng_;
  Rng stream_;
  uint64_t next_ = 0;
};

}  // namespace

Result<InsertFigures> MeasureInsert(uint64_t small, uint64_t large, uint64_t turns, uint64_t seed,
                                    RawRecords& records) {
  constexpr uint64_t kTurn = 10'000;
  PERENNIAL_ASSIGN_OR_RETURN(const auto small_side, InsertSide::Make(small, small / 100, seed));
  const uint64_t before = ResidentBytes();
  PERENNIAL_ASSIGN_OR_RETURN(const auto large_side, InsertSide::Make(large, large / 100, seed));
  // One checkpoint's worth of what a full memory does, evictions among it: then every table has its size.
  PERENNIAL_RETURN_IF_ERROR(large_side->Turn(2 * kCheckpointEvery).status());
  const uint64_t filled = ResidentBytes();
  std::vector<double> small_p99, large_p99, ratios;
  for (uint64_t turn = 0; turn < turns; ++turn) {
    PERENNIAL_ASSIGN_OR_RETURN(const double one, small_side->Turn(kTurn));
    PERENNIAL_ASSIGN_OR_RETURN(const double other, large_side->Turn(kTurn));
    small_p99.push_back(one);
    large_p99.push_back(other);
    ratios.push_back(other / one);
    records.Add(Json{{"part", "insert"},
                     {"turn", turn},
                     {"adds", kTurn},
                     {"small_p99_us", one},
                     {"large_p99_us", other},
                     {"resident_bytes", ResidentBytes()}}
                    .dump());
  }
  const uint64_t after = ResidentBytes();
  const auto held = static_cast<double>(filled - std::min(before, filled));
  return InsertFigures{Median(small_p99), Median(large_p99), Median(ratios), held / static_cast<double>(large),
                       static_cast<double>(after) / static_cast<double>(filled)};
}

Result<std::map<std::string, double>> MeasurePayloads(const std::string& path, uint64_t most) {
  using Payload = ReplayOptions::Payload;
  const std::pair<const char*, Payload> kinds[] = {
      {"as_sent", Payload::kAsSent}, {"raw", Payload::kRaw}, {"deflate", Payload::kDeflate}, {"jpeg", Payload::kJpeg}};
  PERENNIAL_ASSIGN_OR_RETURN(const auto source, sources::OpenSource(path, sources::SourceOptions{}));
  std::vector<Example> examples;
  while (examples.size() < most) {
    PERENNIAL_ASSIGN_OR_RETURN(std::optional<sources::Item> item, source->Next());
    if (!item) break;
    PERENNIAL_RETURN_IF_ERROR(item->sample.status().WithContext(item->pointer));
    if (item->sample->image.empty()) continue;
    Example example;
    example.image = std::move(item->sample->image);
    examples.push_back(std::move(example));
  }
  if (examples.empty()) return InvalidArgument(path + ": no pictures in it");
  std::map<std::string, double> bytes;
  for (const auto& [name, kind] : kinds) {
    const auto store = kv::OpenMemory(ReplayBuffer::Families());
    ReplayOptions options;
    options.payload = kind;
    options.capacity = examples.size();
    PERENNIAL_ASSIGN_OR_RETURN(const media::ImageInfo info,
                               media::ProbeImage(examples.front().image, options.image_limits));
    options.image_size = info.width;
    PERENNIAL_ASSIGN_OR_RETURN(const auto buffer, ReplayBuffer::Open(*store, "main", options));
    Rng rng(1);
    for (const Example& example : examples) buffer->Add(example, rng);
    bytes[name] = static_cast<double>(buffer->bytes()) / static_cast<double>(buffer->size());
  }
  return bytes;
}

}  // namespace perennial::bench
