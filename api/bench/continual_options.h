#pragma once

#include <cstdint>
#include <string>

#include "storage/base/status.h"

namespace perennial::bench {

// What the command line of `perennial bench continual` says.
struct ContinualOptions {
  std::string data;                  // folder or file that sources::OpenSource reads: idx, class folders, tars, ...
  std::string protocol = "split";    // split, shuffled or slices
  std::string strategy = "default";  // trainer/strategy.h, or joint: naive on the shuffled stream
  std::string network = "mlp";       // mlp or compact
  uint64_t buffer = 500;             // samples of the replay memory
  uint64_t seeds = 5;
  uint64_t classes_per_task = 2;  // of split; a last task has what is left
  uint64_t versions = 25;         // candidates over the stream
  bool validate = false;          // score on a tenth of the training data: to choose hyper-parameters
  std::string dump;               // folder for every prediction of the final network; empty: none
  Status Validate() const;
};

// Runs all seeds; one JSON object. Progress goes to standard error.
Result<std::string> RunContinual(const ContinualOptions& options);

}  // namespace perennial::bench
