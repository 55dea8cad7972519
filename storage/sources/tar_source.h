#pragma once

#include <memory>
#include <string>

#include "storage/sources/source.h"

namespace perennial::sources {

// A WebDataset tar: neighbouring members KEY.png|jpg|jpeg, KEY.json, KEY.txt and KEY.cls make one record. `prefix`
// ("train/") stands before ids and groups, `name` ("train.tar.gz") in pointers: "train.tar.gz!q12.json qas/3".
Result<std::unique_ptr<Source>> OpenTar(const std::string& path, const std::string& name, const std::string& prefix,
                                        format::Part part, const std::string& source, const SourceOptions& options);

}  // namespace perennial::sources
