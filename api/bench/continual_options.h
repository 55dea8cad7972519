#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "storage/base/status.h"

namespace perennial::bench {

// What the command line of `perennial bench continual` says.
struct ContinualOptions {
  std::string dataset = "auto";    // continual_recipe.h
  std::string data;                // folder or file that sources::OpenSource reads: idx, class folders, tars, ...
  std::string protocol = "split";  // continual_stream.h
  // trainer/strategy.h; or joint; or instant: default with the instant head
  std::string strategy = "default";
  std::optional<int64_t> instant_width;  // features of the instant head, 0: none; empty: by strategy
  std::string network = "mlp";           // a preset of ModelSpec; compact is tiny
  uint64_t buffer = 500;                 // samples of the replay memory
  // Bytes of all that remembers data instead: the instant head's matrices, and the replay memory has the rest; 0:
  // `buffer` counts.
  uint64_t buffer_bytes = 0;
  std::string policy;                       // reservoir, class_balanced or herding; empty: by strategy
  std::string augment;                      // on (the recipe's) or off; empty: by strategy
  std::string payload = "as_sent";          // how remembered pictures are kept: as_sent, raw, deflate or jpeg
  double learning_rate = 0;                 // 0: the network's recipe, or for a comparison on mlp 0.05
  std::optional<double> max_gradient_norm;  // 0: no clipping; empty: the network's recipe, for a comparison on mlp 0
  // Optimiser steps on each batch (trainer/step_schedule.h); empty: the network's recipe, for a comparison on mlp 1.
  std::optional<uint64_t> steps_per_batch, most_steps_per_batch;
  std::optional<double> label_samples;
  uint64_t seeds = 5;
  uint64_t seed = 1;              // the first one
  uint64_t classes_per_task = 2;  // of split, blurry, longtail and shuffled; a last task has what is left
  uint64_t tasks = 0;             // of rotated and permuted; 0: 20 and 10
  uint64_t samples_per_task = 0;  // of rotated and permuted; 0: all the training data in every task
  double blur = 0.2;              // of blurry
  double label_noise = 0;         // share of training labels replaced by another class
  double saboteur = 0;            // the same within the twentieth in the middle of the stream
  uint64_t sources = 1;           // senders of the training samples, drawn by group; 1: the data's own
  double poison_share = 0;        // share of the training samples that the source "poison" sends too, labels wrong
  uint64_t duplicate_source = 1;  // times that the first of several sources sends each of its samples, in a row
  double source_share = 0;        // replay::ReplayOptions::source_share
  double source_batch_share = 0;  // trainer::TrainerOptions::source_batch_share
  double held_out = 0.1;          // share of the training groups kept for the gate, about 1,000 samples of a slice
  double test_share = 0;          // share of the groups that is the test part, for data without one
  std::optional<uint64_t> fold;   // test fold of data in folds; empty: another one for every seed
  uint64_t versions = 0;          // candidates over the stream; 0: one in 500 samples, at least 25, at most 64
  uint64_t exam =
      0;  // test samples of a slice for each version; 0: 2,000 over all slices, 100 to 1,000 of each; the last
  // figures are on all of them
  bool validate = false;  // score on a tenth of the training data: to choose hyper-parameters
  bool quick = false;     // a tenth of the data
  std::string dump;       // folder for predictions and verdicts; empty: none

  // kInvalidArgument: what is wrong, and the closest known word.
  Status Validate() const;
  // The same with every default that depends on another option filled in. REQUIRES Validate().
  ContinualOptions Resolved() const;
  // Everything that decides the figures besides the data's bytes and the build, as arguments for a shell. REQUIRES
  // Resolved().
  std::string Arguments() const;
  // The trainer's strategy. REQUIRES Resolved().
  std::string TrainerStrategy() const;
};

// The word as one argument of a POSIX shell.
std::string ShellQuoted(const std::string& text);

// Runs all seeds; one JSON object. Progress goes to standard error.
Result<std::string> RunContinual(const ContinualOptions& options);

}  // namespace perennial::bench
