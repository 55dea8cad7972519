#include "replay/memory_table.h"

#include <map>
#include <set>

#include "tests/replay/replay_fixture.h"

namespace perennial::replay {
namespace {

// What must hold after every operation.
void ExpectSound(const MemoryTable& table) {
  std::map<size_t, std::set<uint32_t>> places;
  size_t largest = 0;
  for (uint32_t number = 0; number < table.partitions().count(); ++number) {
    const Partition& partition = table.partitions().at(number);
    largest = std::max(largest, partition.members.size());
    EXPECT_TRUE(places[partition.members.size()].insert(partition.bucket_position).second);
    for (uint32_t position = 0; position < partition.members.size(); ++position) {
      const Slot& slot = table.at(partition.members[position]);
      EXPECT_EQ(slot.partition, number);
      EXPECT_EQ(slot.position, position);
    }
  }
  uint64_t bytes = 0;
  std::set<uint64_t> ids;
  for (uint32_t slot = 0; slot < table.size(); ++slot) {
    bytes += table.at(slot).bytes;
    ids.insert(table.at(slot).id);
  }
  EXPECT_EQ(ids.size(), table.size());
  EXPECT_EQ(bytes, table.bytes());
  EXPECT_EQ(table.partitions().largest_size(), largest);
  for (const uint32_t number : table.partitions().largest()) {
    EXPECT_EQ(table.partitions().at(number).members.size(), largest);
  }
  EXPECT_EQ(table.partitions().largest().size(), places[largest].size());
}

TEST(MemoryTable, StaysSoundOverRandomOperations) {
  MemoryTable table;
  Rng rng(5);
  for (uint64_t i = 0; i < 2000; ++i) {
    const bool grow = table.size() == 0 || rng.Chance(i % 400 < 200 ? 0.6 : 0.4);
    if (grow) {
      const std::string label = std::to_string(rng.Below(6));
      const uint32_t partition = table.See(label);
      const uint64_t next_id = table.next_id();
      EXPECT_EQ(table.Append(static_cast<uint32_t>(rng.Below(20)), partition), next_id);
    } else {
      table.Evict(static_cast<uint32_t>(rng.Below(table.size())));
    }
    ExpectSound(table);
  }
}

TEST(MemoryTable, RestoreRefusesTablesThatDoNotAddUp) {
  std::vector<Partition> partitions(1);
  partitions[0].key = std::string("a");
  const auto restore = [&](const std::vector<Slot>& slots, std::vector<Partition> with) {
    MemoryTable table;
    return table.Restore(slots, std::move(with), 9, 9).code();
  };
  EXPECT_EQ(restore({{1, 0, 0}, {2, 0, 1}}, partitions), Code::kOk);
  EXPECT_EQ(restore({{1, 0, 0}, {2, 0, 0}}, partitions), Code::kCorruption);
  EXPECT_EQ(restore({{1, 0, 1}}, partitions), Code::kCorruption);
  EXPECT_EQ(restore({{1, 1, 0}}, partitions), Code::kCorruption);
  EXPECT_EQ(restore({{9, 0, 0}}, partitions), Code::kCorruption);
  partitions[0].bucket_position = 1;
  EXPECT_EQ(restore({{1, 0, 0}}, partitions), Code::kCorruption);
  partitions[0].bucket_position = 0;
  partitions.push_back(partitions[0]);
  EXPECT_EQ(restore({{1, 0, 0}}, partitions), Code::kCorruption);
}

}  // namespace
}  // namespace perennial::replay
