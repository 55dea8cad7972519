#pragma once

#include <memory>
#include <string>
#include <vector>

#include "storage/sources/folder.h"
#include "storage/sources/source.h"

namespace perennial::sources {

// One folder per class: CLASS/anything.jpg is a sample labelled CLASS. Images directly in `folder` have no label.
// `prefix` ("train/") stands before ids and pointers.
Result<std::unique_ptr<Source>> OpenClassFolder(const Folder& folder, const std::string& prefix, format::Part part,
                                                const std::string& source, const SourceOptions& options);

// ".jpg", ".jpeg" or ".png", case ignored.
bool HasImageName(std::string_view name);

}  // namespace perennial::sources
