#include "storage/sources/phrase_book.h"

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "storage/base/log.h"

namespace perennial::sources {

std::string_view FieldPhrasesResource();

namespace {

using nlohmann::json;

// A list of strings or one string; empty when it is neither.
std::vector<std::string> ReadStrings(const json& object, const char* key) {
  std::vector<std::string> strings;
  const auto found = object.find(key);
  if (found == object.end()) return strings;
  if (found->is_string()) strings.push_back(found->get<std::string>());
  if (found->is_array()) {
    for (const json& item : *found) {
      if (item.is_string()) strings.push_back(item.get<std::string>());
    }
  }
  return strings;
}

void Fill(std::string& text, const std::string& word) {
  const size_t open = text.find('{'), close = text.find('}', open);
  if (open != std::string::npos && close != std::string::npos) text.replace(open, close - open + 1, word);
}

}  // namespace

Result<PhraseBook> PhraseBook::Parse(std::string_view text) {
  const json object = json::parse(text, nullptr, false);
  if (object.is_discarded() || !object.is_object()) return InvalidArgument("phrases: not a JSON object");
  PhraseBook book;
  const auto read = [&](const char* section, std::map<std::string, Wordings>& into) -> Status {
    if (!object.contains(section) || !object[section].is_object()) {
      return InvalidArgument(std::string("phrases: no section ") + section);
    }
    for (const auto& [name, value] : object[section].items()) {
      Wordings wordings{ReadStrings(value, "en"), ReadStrings(value, "zh")};
      if (wordings.english.empty() || wordings.chinese.empty())
        return InvalidArgument("phrases: " + name + " lacks a language");
      into.emplace(name, std::move(wordings));
    }
    return Status::Ok();
  };
  PERENNIAL_RETURN_IF_ERROR(read("questions", book.questions_));
  PERENNIAL_RETURN_IF_ERROR(read("words", book.words_));
  return book;
}

const PhraseBook& PhraseBook::Default() {
  static const PhraseBook book = [] {
    auto parsed = Parse(FieldPhrasesResource());
    if (!parsed.ok()) {  // a broken build: the resource is part of the program
      log::Error("phrases", {{"error", parsed.status().ToString()}});
      std::abort();
    }
    return std::move(*parsed);
  }();
  return book;
}

std::string PhraseBook::Ask(const std::string& question, const std::string& word, Language language, Rng& rng) const {
  const auto pick = [&](const Wordings& wordings) {
    const auto& list = language == Language::kChinese ? wordings.chinese : wordings.english;
    return list[rng.Below(list.size())];
  };
  std::string text = pick(questions_.at(question));
  if (!word.empty()) Fill(text, pick(words_.at(word)));
  return text;
}

}  // namespace perennial::sources
