#include "api/bench/continual_recipe.h"

#include <filesystem>

#include "storage/sources/folder.h"
#include "storage/sources/idx_source.h"
#include "storage/sources/names.h"

namespace perennial::bench {
namespace {

using Needs = DatasetRecipe::Needs;

// As the slices.toml of the data set's shared copy.
constexpr std::string_view kEasyVqaSlices = R"(
order = ["shape", "colour", "yes-no", "negated"]
[[rule]]
slice = "negated"
text = '\b(not|no)\b'
[[rule]]
slice = "yes-no"
text = '^(is|does)\b'
[[rule]]
slice = "colour"
text = '\bcolor\b'
[[rule]]
slice = "shape"
text = '.'
)";

const std::vector<DatasetRecipe>& Recipes() {
  static const std::vector<DatasetRecipe> kRecipes = {
      {.name = "auto"},
      {.name = "idx", .needs = Needs::kIdx},
      {.name = "folder", .needs = Needs::kFolders},
      {.name = "tar", .needs = Needs::kTar},
      {.name = "easy_vqa", .needs = Needs::kTar, .slice_rules = kEasyVqaSlices},
      // Most files of one class are PNG, all others JPEG; without colours and at the network's size the difference is
      // gone. Three, two and two classes, the one with fewest pictures last.
      {.name = "xsdd",
       .needs = Needs::kTar,
       .slice_classes = {3, 2, 2},
       .rarest_class_last = true,
       .fold_column = "fold",
       .folds = 5,
       .grey = true},
      // Nearly all pictures of the official test part are in the training part too: folds by picture instead.
      {.name = "vqa_rad",
       .needs = Needs::kTar,
       .slice_column = "organ",
       .slice_order = {"HEAD", "CHEST", "ABD"},
       .folds = 5,
       .fold_case = true},
  };
  return kRecipes;
}

}  // namespace

const DatasetRecipe* FindRecipe(std::string_view name) {
  for (const DatasetRecipe& recipe : Recipes()) {
    if (recipe.name == name) return &recipe;
  }
  return nullptr;
}

std::vector<std::string> RecipeNames() {
  std::vector<std::string> names;
  for (const DatasetRecipe& recipe : Recipes()) names.emplace_back(recipe.name);
  return names;
}

Status CheckHolds(const DatasetRecipe& recipe, const std::string& path) {
  if (recipe.needs == Needs::kAnything) return Status::Ok();
  std::error_code error;
  if (!std::filesystem::exists(path, error)) {
    return NotFound(sources::Quoted(path) + " does not exist", "check --data");
  }
  bool idx = false, tar = sources::HasTarName(path), folders = false;
  if (std::filesystem::is_directory(path, error)) {
    PERENNIAL_ASSIGN_OR_RETURN(const sources::Folder folder, sources::Folder::Open(path));
    PERENNIAL_ASSIGN_OR_RETURN(const auto entries, folder.List());
    tar = false;
    for (const auto& entry : entries) {
      folders = folders || entry.is_folder;
      if (entry.is_folder) continue;
      idx = idx || sources::IdxLabelsName(entry.name).has_value();
      tar = tar || sources::HasTarName(entry.name);
    }
    folders = folders && !idx && !tar;
  }
  const bool holds = recipe.needs == Needs::kIdx ? idx : recipe.needs == Needs::kTar ? tar : folders;
  if (holds) return Status::Ok();
  const char* wanted = recipe.needs == Needs::kIdx   ? "no file named NAME-images-idx3-ubyte (or .gz)"
                       : recipe.needs == Needs::kTar ? "no .tar, .tar.gz or .tgz"
                                                     : "no folders of pictures, or tars and idx files beside them";
  return InvalidArgument(
      sources::Quoted(path) + " is not of the format " + std::string(recipe.name) + ": it holds " + wanted,
      "leave --dataset out, and what it is will be found out");
}

}  // namespace perennial::bench
