#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "storage/samples/sample_log.h"

namespace perennial::samples {

// The counters of a log and how its held-out share is drawn; written in the same batch as what they count. Version 1
// did not count the quarantine's bytes: Decode() leaves `quarantine_bytes_known` false then. Before version 3 there
// were no records of sources: `sources_known` is false. Value type.
struct LogState {
  SampleLogStats stats;
  uint64_t next_quarantine_id = 1;
  uint64_t seed = 0;
  double held_out_share = 0;
  bool quarantine_bytes_known = true;
  bool sources_known = true;
  // Slices by number; kept under keys of their own.
  std::vector<std::string> slices;
  std::map<std::string, uint32_t, std::less<>> slice_numbers;

  void AddSlice(std::string name);
  // All but the slices.
  std::string Encode() const;
  static Result<LogState> Decode(std::string_view bytes);
};

// True when the share of groups that is held out takes `group`, the first eight bytes of its hash:
// Mix64(seed's mix + group) / 2^64 < share.
bool DrawsHeldOut(uint64_t seed, double share, uint64_t group);

}  // namespace perennial::samples
