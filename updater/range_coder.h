#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

// Adaptive binary range coder: the interval arithmetic of G. N. N. Martin, "Range encoding" (1979), with the carry
// handling of LZMA (I. Pavlov), and the mean of two exponential averages as a bit's probability. Integers only, so that
// every processor makes the same bytes.
namespace perennial::updater {

// The probability that a bit is 0, learned from the bits that came: a quick average (memory of 32 bits) and a slow one
// (256), both quicker at the start. Value type.
class AdaptiveBit {
 public:
  // Of 0, in 1/2^15, in [1, 2^15 - 1].
  uint32_t Zero() const { return (uint32_t{quick_} + slow_) >> 2; }
  void Learn(bool bit) {
    const unsigned quick = Shift(kQuickShift), slow = Shift(kSlowShift);
    if (seen_ < 2 * kSlowShift) ++seen_;
    if (bit) {
      quick_ = AtLeastFloor(quick_ - (quick_ >> quick));
      slow_ = AtLeastFloor(slow_ - (slow_ >> slow));
    } else {
      quick_ = AtMostCeiling(quick_ + ((65536 - quick_) >> quick));
      slow_ = AtMostCeiling(slow_ + ((65536 - slow_) >> slow));
    }
  }

 private:
  static constexpr unsigned kQuickShift = 5, kSlowShift = 8;
  static constexpr int kFloor = 16;
  unsigned Shift(unsigned most) const { return seen_ / 2u + 1u < most ? seen_ / 2u + 1u : most; }
  static uint16_t AtLeastFloor(int value) { return static_cast<uint16_t>(value < kFloor ? kFloor : value); }
  static uint16_t AtMostCeiling(int value) {
    return static_cast<uint16_t>(value > 65536 - kFloor ? 65536 - kFloor : value);
  }

  uint16_t quick_ = 32768;
  uint16_t slow_ = 32768;
  uint8_t seen_ = 0;
};

// Thread-compatible. Code returns the bit that it was given, so that one model drives encoder and decoder.
class RangeEncoder {
 public:
  bool Code(AdaptiveBit& state, bool bit);
  // `count` (at most 16) bits of even odds, highest first.
  uint32_t CodeEven(uint32_t bits, unsigned count);
  // The bytes; the encoder is used up.
  std::string Finish();

 private:
  void Normalise();
  void ShiftLow();

  uint64_t low_ = 0;
  uint32_t range_ = 0xffffffffu;
  uint8_t held_ = 0;      // the last byte that a carry may still change
  uint64_t pending_ = 0;  // bytes 0xff behind it, that a carry would turn to 0
  bool started_ = false;
  std::string out_;
};

// Safe on any bytes: past their end it reads zeros and notes it.
class RangeDecoder {
 public:
  explicit RangeDecoder(std::string_view bytes);
  // The argument is not looked at.
  bool Code(AdaptiveBit& state, bool /*bit*/ = false);
  uint32_t CodeEven(uint32_t /*bits*/, unsigned count);
  // Exactly the bytes that an encoder made were used up.
  bool AtEnd() const { return next_ == bytes_.size() && !overrun_; }

 private:
  void Normalise();
  uint8_t NextByte();

  std::string_view bytes_;
  size_t next_ = 0;
  bool overrun_ = false;
  uint32_t range_ = 0xffffffffu;
  uint32_t code_ = 0;
};

}  // namespace perennial::updater
