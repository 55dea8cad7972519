#pragma once

#include <cstdint>
#include <vector>

namespace perennial::model {

// What a text says, as hashes: one per word, one per pair of neighbouring words, and one of the whole. Words are runs
// of ASCII letters and digits (upper case read as lower) and of bytes above 127; everything else separates. The same
// bytes give the same hashes on every machine.
struct TextTerms {
  std::vector<uint64_t> terms;  // of words and of pairs, without repetitions, sorted
  uint64_t whole = 0;           // of the sequence of all words
};

// tokens: `length` values as Tokenize writes them (byte + 1, 0 is padding and ends the text). Values outside [0, 256]
// separate words.
TextTerms TermsOf(const int64_t* tokens, int64_t length);

}  // namespace perennial::model
