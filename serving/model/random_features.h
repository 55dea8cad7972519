#pragma once

#include <cstdint>
#include <vector>

#include "storage/base/rng.h"
#include "storage/base/status.h"

namespace perennial::model {

// A batch as plain memory: the contiguous CPU tensors of a ModelInput (model.h). Borrows.
struct FeatureInput {
  int64_t batch = 0;
  int64_t side = 0;                 // pixels
  int64_t text_length = 0;          // tokens
  const float* images = nullptr;    // [batch, 3, side, side], in [-1, 1] from bytes: b / 127.5 - 1
  const bool* has_image = nullptr;  // [batch]
  const int64_t* tokens = nullptr;  // [batch, text_length], byte + 1, 0 ends
  const bool* has_text = nullptr;   // [batch]
};

struct RandomFeatureOptions {
  int64_t features = 2000;  // D
  uint64_t seed = 1;
  int64_t image_size = 32;  // of the network: images come in this size
  Status Validate() const;
};

// Fixed random features of a sample (the idea of extreme learning machines and of RanPAC, McDonnell et al., NeurIPS
// 2023; local receptive fields after McDonnell et al., PLoS ONE 2015). Drawn from a seed alone, so that nothing but the
// seed travels, and computed in integers (as f32 values below 2^24, where every sum is exact in any order), so that
// hub and node, with any thread count, batch and processor, get the same features bit for bit.
//
// Feature j of a picture x, reduced to a square of at most 32 cells, its brightness and contrast normalised:
//   r_j = max over 9 shifts (one cell in each direction) of  sum over a random rectangle of  w_j x
//   h_j = floor(clamp((r_j - t_j) / (kSpan |w_j|), 0, 1) 127),  an integer of 0 .. 127
// with w_j small random integers over one of seven mixtures of the colour channels, t_j a random threshold.
// With a text, features have roles: some stay as they are, some count only when the text holds a term of their bucket
// (a hash of word or pair of words), some when the whole text is one of a random eighth of all texts: products of what
// is seen and what is asked. Some say only whether a term is in the text. Without a text every feature is a picture's;
// without a picture those that need both say only that their gate is open.
//
// Immutable; Extract may run on several threads at once.
class RandomFeatures {
 public:
  static Result<RandomFeatures> Make(const RandomFeatureOptions& options);

  // out: [batch, D] f32 holding integers of 0 .. 127. REQUIRES input.side == options().image_size.
  void Extract(const FeatureInput& input, float* out) const;

  const RandomFeatureOptions& options() const { return options_; }
  int64_t features() const { return options_.features; }
  // Memory it takes.
  uint64_t bytes() const;

  static constexpr float kLargest = 127;  // of a feature
  static constexpr int kPlanes = 7;       // mixtures of the colour channels

 private:
  enum class Role : uint8_t { kPicture, kTermGate, kTextGate, kTerm };
  struct Feature {
    int32_t top, left, height, width;  // cells; shifts reach two cells further down and right
    int32_t plane;
    Role role;
    uint32_t weights;  // where its height * width weights start
    float threshold;   // t_j, an integer
    float scale;       // 127 / (kSpan |w_j|)
    uint64_t key;      // bucket of a term gate, salt of a text gate
  };
  RandomFeatures(const RandomFeatureOptions& options, int64_t cells, int64_t cell_size)
      : options_(options), cells_(cells), cell_size_(cell_size) {}
  static Role RoleOf(uint64_t sixteenth);
  static uint64_t KeyOf(Role role, Rng& rng);
  void Draw();
  void ExtractGroup(const FeatureInput& input, int64_t first, int64_t count, std::vector<float>& planes,
                    float* out) const;
  void ApplyText(const FeatureInput& input, int64_t sample, float* row) const;

  const RandomFeatureOptions options_;
  const int64_t cells_;      // side of the reduced picture
  const int64_t cell_size_;  // pixels per cell and direction
  std::vector<Feature> features_;
  std::vector<float> weights_;
};

}  // namespace perennial::model
