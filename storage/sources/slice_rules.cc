#include <regex>

#include "storage/base/config.h"
#include "storage/base/env.h"
#include "storage/sources/pattern_guard.h"
#include "storage/sources/source.h"

namespace perennial::sources {

struct SliceRules::Rule {
  std::string slice;
  std::regex pattern;
};

namespace {

constexpr size_t kMaxRules = 1000;
// Longer texts are not accepted anyway (format::SampleLimits); it bounds the time of one match.
constexpr size_t kMaxMatchedBytes = 4096;

Result<std::regex> Compile(const std::string& pattern, const std::string& where) {
  PERENNIAL_RETURN_IF_ERROR(CheckPattern(pattern).WithContext(where));
  auto flags = std::regex::ECMAScript | std::regex::icase | std::regex::optimize;
#if defined(__GLIBCXX__)
  flags |= std::regex_constants::__polynomial;  // breadth first: no exponential time, no recursion per character
#endif
  try {
    return std::regex(pattern, flags);
  } catch (const std::regex_error& error) {
    return InvalidArgument(where + ": '" + pattern + "' is not a regular expression: " + error.what(),
                           "ECMAScript syntax, for example '\\b(not|no)\\b'");
  }
}

}  // namespace

Result<SliceRules> SliceRules::Parse(std::string_view toml, const std::string& name) {
  PERENNIAL_ASSIGN_OR_RETURN(ConfigTable table, ConfigTable::Parse(toml, name));
  SliceRules rules;
  PERENNIAL_ASSIGN_OR_RETURN(auto order, table.Strings("order"));
  if (order) rules.order_ = std::move(*order);
  PERENNIAL_ASSIGN_OR_RETURN(auto tables, table.Tables("rule"));
  if (tables.size() > kMaxRules) return ResourceExhausted(name + ": more than " + std::to_string(kMaxRules) + " rules");
  for (size_t i = 0; i < tables.size(); ++i) {
    const std::string where = name + ": rule[" + std::to_string(i) + "]";
    PERENNIAL_ASSIGN_OR_RETURN(auto slice, tables[i].String("slice"));
    PERENNIAL_ASSIGN_OR_RETURN(auto text, tables[i].String("text"));
    if (!slice || slice->empty() || !text) {
      return InvalidArgument(where + " lacks slice or text", "write slice = 'name' and text = 'regular expression'");
    }
    PERENNIAL_ASSIGN_OR_RETURN(auto pattern, Compile(*text, where));
    rules.rules_.push_back(std::make_shared<Rule>(Rule{std::move(*slice), std::move(pattern)}));
  }
  PERENNIAL_RETURN_IF_ERROR(table.RejectUnknown());
  if (rules.order_.empty() && rules.rules_.empty()) {
    return InvalidArgument(name + ": neither order nor rules", "see the example in storage/sources/README.md");
  }
  return rules;
}

Result<SliceRules> SliceRules::Load(const std::string& path) {
  PERENNIAL_ASSIGN_OR_RETURN(const std::string toml, Env::Posix().ReadFile(path, 1 << 20));
  return Parse(toml, path);
}

std::optional<std::string> SliceRules::SliceOf(std::string_view text) const {
  text = text.substr(0, kMaxMatchedBytes);
  for (const auto& rule : rules_) {
    try {
      if (std::regex_search(text.begin(), text.end(), rule->pattern)) return rule->slice;
    } catch (const std::regex_error&) {
      continue;  // its search ran out of memory: as good as no match
    }
  }
  return std::nullopt;
}

}  // namespace perennial::sources
