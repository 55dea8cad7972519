#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "storage/sources/source.h"

namespace perennial::sources {

// One container of a chain: opened when its turn comes, so a thousand shards do not take a thousand files at once.
struct Link {
  std::string pointer;
  std::function<Result<std::unique_ptr<Source>>()> open;
};

// Sources one after another. A container that does not open is one error item.
std::unique_ptr<Source> Chain(std::vector<Link> links);

// Gives each sample the slice its text has by options.slices (a rule that matches wins over the data's own field) and
// checks it by format::ValidateSample.
std::unique_ptr<Source> Finish(std::unique_ptr<Source> source, const SourceOptions& options);

// All items by slice in `order`, of each slice the test part first, then slices not named in `order` in order of
// appearance; errors come first. Reads everything at once and holds the data set in memory (equal images once):
// kResourceExhausted beyond kMaxOrderedBytes.
Result<std::unique_ptr<Source>> OrderBySlice(std::unique_ptr<Source> source, std::vector<std::string> order);
inline constexpr uint64_t kMaxOrderedBytes = uint64_t{1} << 30;

}  // namespace perennial::sources
