#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

namespace perennial::format {

// The committed bytes of tests/format/golden/NAME. With PERENNIAL_UPDATE_GOLDEN set, writes `bytes` there first: only
// for a deliberate new format version.
inline std::string Golden(const std::string& name, const std::string& bytes) {
  const std::string path = std::string(PERENNIAL_SOURCE_DIR) + "/tests/format/golden/" + name;
  if (std::getenv("PERENNIAL_UPDATE_GOLDEN") != nullptr) std::ofstream(path, std::ios::binary) << bytes;
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.good()) << "missing " << path;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

}  // namespace perennial::format
