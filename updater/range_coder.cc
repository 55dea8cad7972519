#include "updater/range_coder.h"

namespace perennial::updater {
namespace {

constexpr uint32_t kSmallestRange = 1u << 24;
constexpr unsigned kProbabilityBits = 15;
constexpr int kTailBytes = 4;  // what is left in `low` at the end

}  // namespace

bool RangeEncoder::Code(AdaptiveBit& state, bool bit) {
  const uint32_t bound = (range_ >> kProbabilityBits) * state.Zero();
  if (bit) {
    low_ += bound;
    range_ -= bound;
  } else {
    range_ = bound;
  }
  state.Learn(bit);
  Normalise();
  return bit;
}

uint32_t RangeEncoder::CodeEven(uint32_t bits, unsigned count) {
  for (unsigned i = count; i-- > 0;) {
    range_ >>= 1;
    if (((bits >> i) & 1) != 0) low_ += range_;
    Normalise();
  }
  return bits;
}

void RangeEncoder::Normalise() {
  while (range_ < kSmallestRange) {
    range_ <<= 8;
    ShiftLow();
  }
}

void RangeEncoder::ShiftLow() {
  const bool carry = (low_ >> 32) != 0;
  if (carry || low_ < 0xff000000u) {
    if (started_) out_.push_back(static_cast<char>(held_ + (carry ? 1 : 0)));
    for (; pending_ > 0; --pending_) out_.push_back(carry ? '\x00' : '\xff');
    held_ = static_cast<uint8_t>(low_ >> 24);
    started_ = true;
  } else {
    ++pending_;
  }
  low_ = (low_ & 0x00ffffffu) << 8;
}

std::string RangeEncoder::Finish() {
  for (int i = 0; i < kTailBytes + 1; ++i) ShiftLow();
  return std::move(out_);
}

RangeDecoder::RangeDecoder(std::string_view bytes) : bytes_(bytes) {
  for (int i = 0; i < kTailBytes; ++i) code_ = code_ << 8 | NextByte();
}

bool RangeDecoder::Code(AdaptiveBit& state, bool) {
  const uint32_t bound = (range_ >> kProbabilityBits) * state.Zero();
  const bool bit = code_ >= bound;
  if (bit) {
    code_ -= bound;
    range_ -= bound;
  } else {
    range_ = bound;
  }
  state.Learn(bit);
  Normalise();
  return bit;
}

uint32_t RangeDecoder::CodeEven(uint32_t, unsigned count) {
  uint32_t bits = 0;
  for (unsigned i = 0; i < count; ++i) {
    range_ >>= 1;
    const bool bit = code_ >= range_;
    if (bit) code_ -= range_;
    bits = bits << 1 | (bit ? 1u : 0u);
    Normalise();
  }
  return bits;
}

void RangeDecoder::Normalise() {
  while (range_ < kSmallestRange) {
    range_ <<= 8;
    code_ = code_ << 8 | NextByte();
  }
}

uint8_t RangeDecoder::NextByte() {
  if (next_ == bytes_.size()) {
    overrun_ = true;
    return 0;
  }
  return static_cast<uint8_t>(bytes_[next_++]);
}

}  // namespace perennial::updater
