#include "serving/model/text_terms.h"

#include <algorithm>

#include "storage/base/rng.h"

namespace perennial::model {
namespace {

// FNV-1a (Fowler, Noll, Vo), 64 bits.
constexpr uint64_t kStart = 0xcbf29ce484222325ULL;
constexpr uint64_t kPrime = 0x100000001b3ULL;

// The byte to hash, or -1 for one that separates.
int Letter(int64_t token) {
  const int64_t byte = token - 1;
  if (byte >= 'A' && byte <= 'Z') return static_cast<int>(byte - 'A' + 'a');
  const bool kept = (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || (byte > 127 && byte < 256);
  return kept ? static_cast<int>(byte) : -1;
}

}  // namespace

TextTerms TermsOf(const int64_t* tokens, int64_t length) {
  TextTerms out;
  uint64_t word = kStart, before = 0;
  bool in_word = false, any = false;
  const auto end_word = [&] {
    if (!in_word) return;
    const uint64_t hash = Mix64(word);
    out.terms.push_back(hash);
    if (any) out.terms.push_back(Mix64(before ^ (hash + kPrime)));
    out.whole = Mix64(out.whole ^ (hash + kStart));
    before = hash;
    any = true;
    in_word = false;
    word = kStart;
  };
  for (int64_t i = 0; i < length && tokens[i] != 0; ++i) {
    const int letter = Letter(tokens[i]);
    if (letter < 0) {
      end_word();
      continue;
    }
    word = (word ^ static_cast<uint64_t>(letter)) * kPrime;
    in_word = true;
  }
  end_word();
  std::sort(out.terms.begin(), out.terms.end());
  out.terms.erase(std::unique(out.terms.begin(), out.terms.end()), out.terms.end());
  return out;
}

}  // namespace perennial::model
