#include "api/bench/continual_protocols.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <set>
#include <unordered_map>

namespace perennial::bench {
namespace {

std::string JoinLabels(const std::vector<std::string>& labels, size_t first, size_t count) {
  std::string name;
  for (size_t i = first; i < first + count; ++i) name += (i == first ? "" : "+") + labels[i];
  constexpr size_t kLongest = 200;  // a slice's name is a key of the log
  if (name.size() <= kLongest) return name;
  return labels[first].substr(0, kLongest / 2) + " and " + std::to_string(count - 1) + " more from class " +
         std::to_string(first + 1);
}

void AddSlice(const std::string& name, ContinualStream& stream) {
  stream.slices.push_back(name);
  stream.parts.push_back({name, {}});
  stream.tests.emplace_back();
}

}  // namespace

void SplitByClass(const DataSplit& split, uint64_t classes_per_task, ContinualStream& stream) {
  const LabelledData& data = *stream.data;
  std::set<std::string> trained;
  for (const uint32_t number : split.train) trained.insert(*data.samples[number].label);
  std::vector<std::string> labels = data.labels;
  std::erase_if(labels, [&](const std::string& label) { return trained.count(label) == 0; });
  std::unordered_map<std::string, uint32_t> slice_of;
  for (size_t first = 0; first < labels.size(); first += classes_per_task) {
    const size_t count = std::min<size_t>(classes_per_task, labels.size() - first);
    for (size_t i = first; i < first + count; ++i) {
      slice_of.emplace(labels[i], static_cast<uint32_t>(stream.slices.size()));
    }
    AddSlice(JoinLabels(labels, first, count), stream);
    if (count < classes_per_task) break;
  }
  for (const uint32_t number : split.train) {
    const uint32_t slice = slice_of.at(*data.samples[number].label);
    stream.parts[slice].items.push_back({number, slice});
  }
  for (const uint32_t number : split.test) {
    const auto at = slice_of.find(*data.samples[number].label);
    if (at == slice_of.end()) {
      ++stream.dropped_tests;
    } else {
      stream.tests[at->second].push_back({number, at->second});
    }
  }
}

Status SplitBySlice(const DataSplit& split, ContinualStream& stream) {
  const LabelledData& data = *stream.data;
  std::set<std::string> trained;
  for (const uint32_t number : split.train) trained.insert(data.samples[number].slice);
  if (trained.size() < 2) {
    return InvalidArgument("--protocol slices: the training part has one slice, \"" + *trained.begin() + "\"",
                           "give the data slices (a column \"slice\", or slices.toml), name its --dataset, or use "
                           "--protocol split");
  }
  std::unordered_map<std::string, uint32_t> slice_of;
  for (const std::string& slice : data.slices) {
    if (trained.count(slice) == 0) continue;
    slice_of.emplace(slice, static_cast<uint32_t>(stream.slices.size()));
    AddSlice(slice, stream);
  }
  for (const uint32_t number : split.train) {
    const uint32_t slice = slice_of.at(data.samples[number].slice);
    stream.parts[slice].items.push_back({number, slice});
  }
  for (const uint32_t number : split.test) {
    const auto at = slice_of.find(data.samples[number].slice);
    if (at == slice_of.end()) {
      ++stream.dropped_tests;
    } else {
      stream.tests[at->second].push_back({number, at->second});
    }
  }
  return Status::Ok();
}

Status RepeatInTasks(const DataSplit& split, const ContinualOptions& options, int side, Rng& rng,
                     ContinualStream& stream) {
  const LabelledData& data = *stream.data;
  const bool rotated = options.protocol == "rotated";
  for (const uint32_t number : split.train) {
    if (data.samples[number].image.empty()) {
      return InvalidArgument(
          "--protocol " + options.protocol + ": sample " + data.samples[number].id + " has no picture to change",
          "use --protocol slices or split for texts");
    }
  }
  for (uint64_t task = 0; task < options.tasks; ++task) {
    char name[48];
    std::snprintf(name, sizeof name, "%s %02llu", options.protocol.c_str(), static_cast<unsigned long long>(task + 1));
    const auto slice = static_cast<uint32_t>(task);
    AddSlice(name, stream);
    if (rotated) {
      stream.tasks.push_back(PictureTask::Rotation(rng.Uniform(0, 180)));
    } else {
      stream.tasks.push_back(task == 0 ? PictureTask() : PictureTask::Permutation(side, rng));
    }
    std::vector<StreamItem>& items = stream.parts.back().items;
    for (const uint32_t number : split.train) items.push_back({number, slice});
    Shuffle(items, rng);
    if (options.samples_per_task > 0 && items.size() > options.samples_per_task) items.resize(options.samples_per_task);
    for (const uint32_t number : split.test) stream.tests.back().push_back({number, slice});
  }
  return Status::Ok();
}

void MakeLongTail(Rng& rng, ContinualStream& stream) {
  std::map<std::string, uint64_t> size;
  for (const StreamPart& part : stream.parts) {
    for (const StreamItem& item : part.items) ++size[stream.TrueLabel(item)];
  }
  std::vector<std::string> order;
  uint64_t least = UINT64_MAX, most = 0;
  for (const auto& [label, count] : size) {
    order.push_back(label);
    least = std::min(least, count);
    most = std::max(most, count);
  }
  Shuffle(order, rng);
  // Class k of C keeps n * 100^(-k / (C - 1)): n is the size of the smallest class, or where the classes differ much
  // anyway that of the largest, and a class that has less keeps what it has.
  const auto n = static_cast<double>(2 * least >= most ? least : most);
  std::map<std::string, uint64_t> keep;
  for (size_t k = 0; k < order.size(); ++k) {
    const double place = order.size() < 2 ? 0 : static_cast<double>(k) / static_cast<double>(order.size() - 1);
    keep[order[k]] = std::max<uint64_t>(1, static_cast<uint64_t>(std::llround(n * std::pow(0.01, place))));
  }
  for (StreamPart& part : stream.parts) {
    Shuffle(part.items, rng);
    std::erase_if(part.items, [&](const StreamItem& item) {
      uint64_t& left = keep[stream.TrueLabel(item)];
      return left == 0 || (--left, false);
    });
  }
  std::map<std::string, uint64_t> tests;
  for (const auto& slice : stream.tests) {
    for (const StreamItem& item : slice) ++tests[stream.TrueLabel(item)];
  }
  uint64_t least_tests = UINT64_MAX;
  for (const auto& [label, count] : tests) least_tests = std::min(least_tests, count);
  least_tests = std::max<uint64_t>(least_tests, 10);  // a class of a single test sample does not decide
  std::map<std::string, uint64_t> taken;
  for (auto& slice : stream.tests) {
    std::erase_if(slice, [&](const StreamItem& item) { return taken[stream.TrueLabel(item)]++ >= least_tests; });
  }
}

void Blur(double share, Rng& rng, ContinualStream& stream) {
  std::vector<std::vector<size_t>> free(stream.parts.size());  // places whose sample is still the part's own
  for (size_t i = 0; i < stream.parts.size(); ++i) {
    for (size_t at = 0; at < stream.parts[i].items.size(); ++at) free[i].push_back(at);
    Shuffle(free[i], rng);
  }
  const double per_side = stream.parts.size() == 2 ? share : share / 2;
  std::vector<size_t> sizes;
  for (const StreamPart& part : stream.parts) sizes.push_back(part.items.size());
  for (size_t i = 0; i + 1 < stream.parts.size(); ++i) {
    const size_t smaller = std::min(sizes[i], sizes[i + 1]);
    size_t count = static_cast<size_t>(std::llround(per_side * static_cast<double>(smaller)));
    for (count = std::min({count, free[i].size(), free[i + 1].size()}); count > 0; --count) {
      std::swap(stream.parts[i].items[free[i].back()], stream.parts[i + 1].items[free[i + 1].back()]);
      free[i].pop_back();
      free[i + 1].pop_back();
    }
  }
}

void MixAll(ContinualStream& stream) {
  StreamPart all{"all", {}};
  for (const StreamPart& part : stream.parts) all.items.insert(all.items.end(), part.items.begin(), part.items.end());
  stream.parts = {std::move(all)};
}

namespace {

// Numbers of the classes by label. kInvalidArgument unless there are two.
Result<std::unordered_map<std::string, uint32_t>> NumberLabels(const ContinualStream& stream) {
  const std::vector<std::string>& labels = stream.data->labels;
  if (labels.size() < 2) {
    return InvalidArgument("wrong labels need at least two classes, the data has one",
                           "leave --label-noise, --saboteur and --poison-share out");
  }
  std::unordered_map<std::string, uint32_t> number_of;
  for (uint32_t i = 0; i < labels.size(); ++i) number_of.emplace(labels[i], i);
  return number_of;
}

// One of the other classes, with equal chances.
uint32_t OtherClass(uint32_t truth, size_t classes, Rng& rng) {
  const auto other = static_cast<uint32_t>(rng.Below(classes - 1));
  return other < truth ? other : other + 1;
}

}  // namespace

Status AddPoison(double share, Rng& rng, ContinualStream& stream) {
  if (share <= 0) return Status::Ok();
  PERENNIAL_ASSIGN_OR_RETURN(const auto number_of, NumberLabels(stream));
  for (StreamPart& part : stream.parts) {
    std::vector<StreamItem> poison;
    for (const StreamItem& item : part.items) {
      if (!rng.Chance(share)) continue;
      StreamItem sent = item;
      sent.poison = true;
      sent.copy = 1;
      // Always the next class: wrong labels that agree with each other do most harm.
      sent.wrong_label = (number_of.at(stream.TrueLabel(item)) + 1) % static_cast<uint32_t>(number_of.size());
      poison.push_back(sent);
    }
    // Into the part's order, which stays what it was.
    std::vector<StreamItem> mixed;
    size_t own = 0, next = 0;
    while (own < part.items.size() || next < poison.size()) {
      const size_t left = poison.size() - next;
      const bool is_poison = rng.Below(part.items.size() - own + left) < left;
      mixed.push_back(is_poison ? poison[next++] : part.items[own++]);
    }
    part.items = std::move(mixed);
  }
  return Status::Ok();
}

void RepeatLoudest(uint64_t times, ContinualStream& stream) {
  if (times <= 1) return;
  for (StreamPart& part : stream.parts) {
    std::vector<StreamItem> sent;
    for (const StreamItem& item : part.items) {
      const bool loud = stream.SourceOf(item) == "source 1";
      for (uint64_t copy = 0; copy < (loud ? times : 1); ++copy) {
        sent.push_back(item);
        if (copy > 0) sent.back().copy = static_cast<uint16_t>(copy);
      }
    }
    part.items = std::move(sent);
  }
}

Status MislabelShare(double share, uint64_t from, uint64_t to, Rng& rng, ContinualStream& stream) {
  if (share <= 0) return Status::Ok();
  PERENNIAL_ASSIGN_OR_RETURN(const auto number_of, NumberLabels(stream));
  uint64_t at = 0;
  for (StreamPart& part : stream.parts) {
    for (StreamItem& item : part.items) {
      const uint64_t place = at++;
      if (place < from || place >= to || !rng.Chance(share)) continue;
      item.wrong_label = OtherClass(number_of.at(stream.TrueLabel(item)), number_of.size(), rng);
    }
  }
  return Status::Ok();
}

}  // namespace perennial::bench
