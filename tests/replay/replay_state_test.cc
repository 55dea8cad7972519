// The states of remembered examples: what a strategy stores beside them.
#include <cmath>
#include <map>

#include "replay/replay_codec.h"
#include "tests/replay/replay_fixture.h"

namespace perennial::replay {
namespace {

ReplayOptions WithStates(uint64_t capacity = 30) {
  ReplayOptions options;
  options.capacity = capacity;
  options.item_state = true;
  return options;
}

ItemState State(uint16_t first, size_t labels, float loss) {
  ItemState state;
  state.loss = loss;
  for (size_t i = 0; i < labels; ++i) state.logits.push_back(static_cast<uint16_t>(first + i));
  return state;
}

std::map<uint64_t, Drawn> ById(ReplayBuffer& buffer) {
  Rng fixed(1);
  std::map<uint64_t, Drawn> drawn;
  const std::vector<Drawn> all = buffer.Draw(buffer.size(), fixed).value();
  for (const Drawn& one : all) drawn[one.id] = one;
  return drawn;
}

size_t StoredStates(const kv::KvStore& store) {
  const std::string prefix = Key("main", KeyKind::kState, 0).substr(0, 6);
  size_t count = 0;
  const auto at = store.NewIterator(store.FindFamily("replay").value());
  for (at->Seek(prefix); at->Valid() && at->key().starts_with(prefix); at->Next()) ++count;
  return count;
}

TEST(ReplayState, IsDrawnWithItsExampleAndMayBeReplaced) {
  const auto store = kv::OpenMemory(ReplayBuffer::Families());
  const auto buffer = OpenBuffer(*store, WithStates());
  Rng rng(1);
  buffer->Add(MakeExample(0, "a"), State(7, 3, 0.5F), rng);
  buffer->Add(MakeExample(1, "a"), rng);
  const Drawn before = ById(*buffer).at(1);
  EXPECT_EQ(before.state->logits, (std::vector<uint16_t>{7, 8, 9}));
  EXPECT_EQ(before.state->loss, 0.5F);
  EXPECT_EQ(ById(*buffer).at(2).state, nullptr);

  buffer->SetState(1, State(20, 4, 0.25F));
  buffer->SetState(2, State(30, 1, 2));
  EXPECT_EQ(ById(*buffer).at(1).state->logits.size(), 4U);
  EXPECT_EQ(ById(*buffer).at(2).state->loss, 2);
  EXPECT_EQ(before.state->logits.size(), 3U) << "a draw keeps what it saw";
  EXPECT_EQ(ById(*buffer).at(1).example->offset, Offset{0});
}

TEST(ReplayState, CountsAgainstTheBudgetInBytes) {
  ReplayOptions options = WithStates(1000);
  options.capacity_bytes = 1000;
  const auto store = kv::OpenMemory(ReplayBuffer::Families());
  const auto buffer = OpenBuffer(*store, options);
  Rng rng(1);
  for (uint64_t i = 0; i < 10; ++i) buffer->Add(MakeExample(i, "a"), State(0, 10, 1), rng);
  const uint64_t plain = buffer->bytes() - 10 * (4 + 20);
  const auto held = ById(*buffer);
  for (const auto& [id, drawn] : held) buffer->SetState(id, State(0, 100, 1));
  EXPECT_EQ(buffer->bytes(), plain + 10 * (4 + 200));
  for (uint64_t i = 10; i < 40; ++i) {
    buffer->Add(MakeExample(i, "a"), State(0, 100, 1), rng);
    ASSERT_LE(buffer->bytes(), 1000U) << "the next example makes room for states that grew";
  }
  EXPECT_GT(buffer->size(), 2U);
}

TEST(ReplayState, OfAnEvictedExampleIsGone) {
  const auto store = kv::OpenMemory(ReplayBuffer::Families());
  const auto buffer = OpenBuffer(*store, WithStates(1));
  Rng rng(1);
  buffer->Add(MakeExample(0, "a"), State(0, 3, 1), rng);
  SaveBuffer(*buffer, *store);
  EXPECT_EQ(StoredStates(*store), 1U);
  for (uint64_t i = 1; ById(*buffer).contains(1); ++i) buffer->Add(MakeExample(i, "b"), rng);
  const uint64_t bytes = buffer->bytes();
  buffer->SetState(1, State(0, 3, 1));
  EXPECT_EQ(buffer->bytes(), bytes);
  SaveBuffer(*buffer, *store);
  EXPECT_EQ(StoredStates(*store), 0U);
}

TEST(ReplayState, ChangingItDoesNotRewriteTheExample) {
  const auto store = kv::OpenMemory(ReplayBuffer::Families());
  const auto buffer = OpenBuffer(*store, WithStates());
  Rng rng(1);
  for (uint64_t i = 0; i < 20; ++i) buffer->Add(MakeExample(i, "a", "s", 5000), State(0, 3, 1), rng);
  SaveBuffer(*buffer, *store);
  for (uint64_t id = 1; id <= 5; ++id) buffer->SetState(id, State(9, 3, 1));
  kv::WriteBatch batch;
  buffer->ContributeTo(batch);
  size_t bytes = 0;
  for (const auto& operation : batch.operations()) bytes += operation.key.size() + operation.value.size();
  EXPECT_EQ(batch.operations().size(), 6U) << "five states and the header";
  EXPECT_LT(bytes, 300U);
}

// Random adds, state changes, saves that get through or not, and deaths: always as if nothing had happened.
TEST(ReplayState, SurvivesDeathsAndLostContributions) {
  const auto store = kv::OpenMemory(ReplayBuffer::Families());
  const auto twin_store = kv::OpenMemory(ReplayBuffer::Families());
  auto buffer = OpenBuffer(*store, WithStates());
  const auto whole = OpenBuffer(*twin_store, WithStates());
  Rng rng(3), twin_rng(3), chance(4);
  for (uint64_t i = 0; i < 2000; ++i) {
    const std::string label = std::to_string(chance.Below(4));
    const auto added = static_cast<uint16_t>(chance.Below(100));
    const bool bare = chance.Chance(0.2);
    const uint64_t touched = 1 + chance.Below(i + 1);
    const auto labels = static_cast<size_t>(chance.Below(6));
    const float loss = labels == 0 ? std::numeric_limits<float>::quiet_NaN() : 1;
    for (auto [one, random] : {std::pair(buffer.get(), &rng), std::pair(whole.get(), &twin_rng)}) {
      one->Add(MakeExample(i, label), bare ? ItemState() : State(added, 3, 1), *random);
      one->SetState(touched, State(added, labels, loss));
    }
    if (chance.Chance(0.1)) {
      kv::WriteBatch lost;
      buffer->ContributeTo(lost);
      if (chance.Chance(0.5)) {
        ASSERT_TRUE(store->Write(lost, kv::Durability::kSynced).ok());
      }
    }
    if (chance.Chance(0.1)) {
      SaveBuffer(*buffer, *store);
      buffer = OpenBuffer(*store, WithStates());
      ASSERT_EQ(buffer->Digest().value(), whole->Digest().value()) << i;
      ASSERT_EQ(buffer->bytes(), whole->bytes());
    }
  }
  SaveBuffer(*buffer, *store);
  size_t with_state = 0;
  const auto held = ById(*buffer);
  for (const auto& [id, drawn] : held) with_state += drawn.state != nullptr ? 1 : 0;
  EXPECT_EQ(StoredStates(*store), with_state) << "nothing is left of evicted examples";
}

TEST(ReplayState, TheDigestSeesIt) {
  const auto store = kv::OpenMemory(ReplayBuffer::Families());
  const auto buffer = OpenBuffer(*store, WithStates());
  Rng rng(1);
  buffer->Add(MakeExample(0, "a"), State(0, 3, 1), rng);
  const Hash256 before = buffer->Digest().value();
  buffer->SetState(1, State(1, 3, 1));
  EXPECT_NE(buffer->Digest().value(), before);
}

TEST(ReplayState, IsDroppedByAMemoryThatKeepsNone) {
  const auto store = kv::OpenMemory(ReplayBuffer::Families());
  Rng rng(1);
  {
    const auto buffer = OpenBuffer(*store, WithStates());
    for (uint64_t i = 0; i < 5; ++i) buffer->Add(MakeExample(i, "a"), State(0, 3, 1), rng);
    SaveBuffer(*buffer, *store);
  }
  {
    const auto plain = OpenBuffer(*store, {});
    EXPECT_EQ(ById(*plain).at(1).state, nullptr);
    plain->SetState(1, State(0, 3, 1));
    plain->Add(MakeExample(9, "a"), State(0, 3, 1), rng);
    EXPECT_EQ(ById(*plain).at(6).state, nullptr);
    SaveBuffer(*plain, *store);
    EXPECT_EQ(StoredStates(*store), 0U);
  }
  const auto again = OpenBuffer(*store, WithStates());
  EXPECT_EQ(again->size(), 6U);
  again->SetState(1, State(0, 3, 1));
  EXPECT_NE(ById(*again).at(1).state, nullptr) << "an example that came without a state may get one";
}

TEST(ReplayState, AMissingOrStrayOneIsCorruption) {
  const auto store = kv::OpenMemory(ReplayBuffer::Families());
  Rng rng(1);
  const auto buffer = OpenBuffer(*store, WithStates());
  for (uint64_t i = 0; i < 3; ++i) buffer->Add(MakeExample(i, "a"), State(0, 3, 1), rng);
  SaveBuffer(*buffer, *store);
  const kv::Family family = store->FindFamily("replay").value();
  kv::WriteBatch change;
  change.Delete(family, Key("main", KeyKind::kState, 2));
  ASSERT_TRUE(store->Write(change, kv::Durability::kSynced).ok());
  EXPECT_EQ(ReplayBuffer::Open(*store, "main", WithStates()).status().code(), Code::kCorruption);
  change.Clear();
  change.Put(family, Key("main", KeyKind::kState, 9), EncodeState(State(0, 3, 1)));
  ASSERT_TRUE(store->Write(change, kv::Durability::kSynced).ok());
  EXPECT_EQ(ReplayBuffer::Open(*store, "main", WithStates()).status().code(), Code::kCorruption);
}

}  // namespace
}  // namespace perennial::replay
