#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/status.h"

namespace perennial::bench {

// What `--dataset FORMAT` says about data beyond what its files say: one declarative row a format, no code. Immutable.
struct DatasetRecipe {
  enum class Needs : uint8_t { kAnything, kIdx, kFolders, kTar };

  std::string_view name = {};
  Needs needs = Needs::kAnything;      // what --data must hold
  std::string_view slice_rules = {};   // TOML of sources::SliceRules, where no slices.toml is beside the data
  std::string_view slice_column = {};  // metadata column whose value is the slice
  std::vector<std::string_view> slice_order = {};  // of that column's values; others follow in order of appearance
  std::vector<uint64_t> slice_classes = {};  // class-incremental slices of so many classes each, in order of names
  bool rarest_class_last = false;            // of that order
  std::string_view fold_column = {};         // metadata column with the test fold's number
  uint64_t folds = 0;                        // without a column: by hash of the group
  bool grey = false;                         // pictures lose their colours before they are scaled
  bool fold_case = false;                    // labels in lower case: "Yes" is "yes"
};

// nullptr for an unknown name.
const DatasetRecipe* FindRecipe(std::string_view name);
std::vector<std::string> RecipeNames();

// kInvalidArgument when `path` does not hold what the recipe needs.
Status CheckHolds(const DatasetRecipe& recipe, const std::string& path);

}  // namespace perennial::bench
