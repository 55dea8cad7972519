#include <gtest/gtest.h>
#include <torch/torch.h>

#include "storage/base/log.h"

// Bit-identical runs are promised for one compute thread.
int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  at::set_num_threads(1);
  perennial::log::Configure(perennial::log::Level::kOff, false);
  return RUN_ALL_TESTS();
}
