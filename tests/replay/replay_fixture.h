#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "replay/replay_buffer.h"
#include "storage/base/rng.h"
#include "storage/kv/kv_store.h"
#include "storage/media/image.h"

namespace perennial::replay {

inline Example MakeExample(uint64_t offset, const std::string& label, const std::string& source = "s",
                           size_t text_bytes = 8) {
  Example example;
  example.offset = Offset{offset};
  example.text = std::string(text_bytes, 't');
  example.label = label;
  example.source = source;
  example.slice = "default";
  return example;
}

inline std::unique_ptr<ReplayBuffer> OpenBuffer(kv::KvStore& store, const ReplayOptions& options,
                                                const std::string& prefix = "main") {
  auto buffer = ReplayBuffer::Open(store, prefix, options);
  EXPECT_TRUE(buffer.ok()) << buffer.status().ToString();
  return std::move(buffer).value();
}

inline size_t SaveBuffer(ReplayBuffer& buffer, kv::KvStore& store) {
  kv::WriteBatch batch;
  buffer.ContributeTo(batch);
  EXPECT_TRUE(store.Write(batch, kv::Durability::kSynced).ok());
  buffer.Confirm();
  return batch.operations().size();
}

// The offsets of everything held, in an order that tells slots apart: a draw of all with fixed random numbers.
inline std::vector<uint64_t> Contents(ReplayBuffer& buffer) {
  Rng fixed(99);
  std::vector<uint64_t> offsets;
  const std::vector<Drawn> all = buffer.Draw(buffer.size(), fixed).value();
  for (const Drawn& drawn : all) offsets.push_back(drawn.example->offset.value);
  return offsets;
}

inline size_t SizeOf(const ReplayBuffer& buffer, const std::string& partition) {
  for (const auto& [key, size] : buffer.Partitions()) {
    if (key == partition) return size;
  }
  return 0;
}

}  // namespace perennial::replay
