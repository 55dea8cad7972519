#include "serving/process.h"

#include <malloc.h>

namespace perennial::serving {
namespace {
constexpr int kLargestKept = 32 << 20;  // larger blocks go straight to the system; the most the C library accepts
constexpr int kFreeAtTop = 256 << 20;
constexpr int kArenas = 8;
}  // namespace

void PrepareProcess() {
  mallopt(M_MMAP_THRESHOLD, kLargestKept);
  mallopt(M_TRIM_THRESHOLD, kFreeAtTop);
  mallopt(M_ARENA_MAX, kArenas);
}

}  // namespace perennial::serving
