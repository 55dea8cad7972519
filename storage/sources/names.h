#pragma once

#include <string>
#include <string_view>

namespace perennial::sources {

// The text in single quotes, for messages; long texts are cut.
std::string Quoted(std::string_view text);
// Without blanks, tabs and line ends at both ends.
std::string Trimmed(std::string_view text);
// Trimmed, and every run of such characters inside made one blank.
std::string FoldBlanks(std::string_view text);
// "png" of "a.b/c.PNG"; empty when there is none.
std::string Extension(std::string_view name);
// "c.tar.gz" of "a/b/c.tar.gz" or "a/b/c.tar.gz/".
std::string LastComponent(std::string_view path);
// "train" of "train.tar.gz".
std::string Stem(std::string_view file_name);
// True for test, test.tar, test-2, TEST_a; not for testament or latest: "test" and then no further letter.
bool NamesTestPart(std::string_view name);
bool NamesTrainPart(std::string_view name);
// ".tar", ".tar.gz", ".tgz".
bool HasTarName(std::string_view name);
// ".ndjson", ".jsonl".
bool HasJsonLinesName(std::string_view name);

}  // namespace perennial::sources
