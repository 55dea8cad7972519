#include "storage/sources/names.h"

#include <algorithm>
#include <cctype>

namespace perennial::sources {
namespace {

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

bool StartsWithWord(std::string_view name, std::string_view word) {
  const std::string lower = Lower(name);
  return lower.starts_with(word) &&
         (lower.size() == word.size() || std::isalpha(static_cast<unsigned char>(lower[word.size()])) == 0);
}

}  // namespace

std::string Quoted(std::string_view text) {
  constexpr size_t kMaxShown = 200;
  std::string quoted("'");
  quoted.append(text.substr(0, kMaxShown));
  quoted += text.size() > kMaxShown ? "...'" : "'";
  return quoted;
}

std::string Trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1));
}

std::string FoldBlanks(std::string_view text) {
  std::string folded;
  bool blank = false;
  for (const char c : text) {
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
      blank = true;
      continue;
    }
    if (blank && !folded.empty()) folded += ' ';
    blank = false;
    folded += c;
  }
  return folded;
}

std::string LastComponent(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  const size_t slash = path.rfind('/');
  return std::string(slash == std::string_view::npos ? path : path.substr(slash + 1));
}

std::string Extension(std::string_view name) {
  const std::string last = LastComponent(name);
  const size_t dot = last.rfind('.');
  return dot == std::string::npos || dot == 0 ? "" : Lower(last.substr(dot + 1));
}

std::string Stem(std::string_view file_name) {
  const std::string last = LastComponent(file_name);
  return last.substr(0, last.find('.', 1));
}

bool NamesTestPart(std::string_view name) { return StartsWithWord(name, "test"); }
bool NamesTrainPart(std::string_view name) { return StartsWithWord(name, "train"); }

bool HasTarName(std::string_view name) {
  const std::string lower = Lower(name);
  return lower.ends_with(".tar") || lower.ends_with(".tar.gz") || lower.ends_with(".tgz");
}

bool HasJsonLinesName(std::string_view name) {
  const std::string extension = Extension(name);
  return extension == "ndjson" || extension == "jsonl";
}

}  // namespace perennial::sources
