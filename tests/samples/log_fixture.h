#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "storage/base/clock.h"
#include "storage/base/rng.h"
#include "storage/kv/kv_store.h"
#include "storage/media/image.h"
#include "storage/samples/sample_log.h"

namespace perennial::samples {

// A small picture of noise, different for every seed.
inline std::string Picture(uint64_t seed, bool png = true) {
  media::Image image;
  image.width = 8;
  image.height = 8;
  Rng rng(seed);
  for (int i = 0; i < 8 * 8 * 3; ++i) image.pixels.push_back(static_cast<uint8_t>(rng.Below(256)));
  return (png ? media::EncodePng(image) : media::EncodeJpeg(image, 90)).value();
}

inline format::Sample MakeSample(const std::string& id, std::optional<std::string> label = "ok") {
  format::Sample sample;
  sample.text = "is part " + id + " whole?";
  sample.label = std::move(label);
  sample.source = "line-1";
  sample.id = id;
  return sample;
}

// A log in memory, with nothing held out unless a test says so.
class LogTest : public testing::Test {
 protected:
  void SetUp() override {
    options_.held_out_share = 0;
    OpenLog();
  }
  void OpenLog() {
    log_.reset();
    log_ = std::move(SampleLog::Open(*store_, options_, clock_)).value();
  }
  AppendOutcome AppendOne(format::Sample sample) {
    std::vector<format::Sample> samples;
    samples.push_back(std::move(sample));
    return std::move(log_->Append(std::move(samples))).value().at(0);
  }

  ManualClock clock_;
  SampleLogOptions options_;
  std::unique_ptr<kv::KvStore> store_ = kv::OpenMemory(SampleLog::Families());
  std::unique_ptr<SampleLog> log_;
};

}  // namespace perennial::samples
