#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/rng.h"
#include "storage/base/status.h"

namespace perennial::sources {

enum class Language : uint8_t { kEnglish, kChinese };

// The wordings of the simulator's questions, read from resources/field_phrases.json (UTF-8, built into the program).
// Immutable; thread-safe.
class PhraseBook {
 public:
  static Result<PhraseBook> Parse(std::string_view json);
  // The built-in one.
  static const PhraseBook& Default();

  // A wording of `question` ("is-there"), its {placeholder} filled with the word for `word` ("scratch"; may be empty).
  std::string Ask(const std::string& question, const std::string& word, Language language, Rng& rng) const;

 private:
  struct Wordings {
    std::vector<std::string> english, chinese;
  };
  std::map<std::string, Wordings> questions_, words_;
};

}  // namespace perennial::sources
