#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "storage/sources/source.h"

namespace perennial::sources {

// The idx files of the MNIST family, plain or gzip: "NAME-images-idx3-ubyte" (big-endian 0x00000803, count, rows,
// columns, then bytes) with its "NAME-labels-idx1-ubyte" (0x00000801, count, bytes) beside it. Sample i is picture i as
// a grey PNG with the label's number as text, id "NAME/i". "-images.idx3-ubyte" is read too. A NAME with the word t10k
// or test ("emnist-letters-test") is held out.
//
// The labels' file name for an images' file name; nullopt when it is none.
std::optional<std::string> IdxLabelsName(std::string_view images_name);
bool IsIdxTestPart(std::string_view images_name);

// Reads both files into memory. kNotFound, kIoError; kCorruption for a wrong magic, counts that differ, or a file that
// is cut; kResourceExhausted beyond 1 GiB of pixels.
Result<std::unique_ptr<Source>> OpenIdx(const std::string& images_path, const std::string& labels_path,
                                        const std::string& name, format::Part part, const std::string& source);

}  // namespace perennial::sources
