#include "storage/kv/fault_store.h"

#include <gtest/gtest.h>

namespace perennial::kv {
namespace {

TEST(FaultStore, FailsExactlyTheWritesItWasToldToAndAppliesNoneOfThem) {
  const auto inner = OpenMemory({"a"});
  FaultStore store(*inner);
  const Family a = store.FindFamily("a").value();
  store.FailWrites(2, ResourceExhausted("disk full"), 2);
  std::vector<bool> ok;
  for (int i = 0; i < 5; ++i) {
    WriteBatch batch;
    batch.Put(a, std::to_string(i), "v");
    const Status status = store.Write(batch, Durability::kSynced);
    ok.push_back(status.ok());
    EXPECT_EQ(inner->Get(a, std::to_string(i)).value().has_value(), status.ok());
  }
  EXPECT_EQ(ok, (std::vector<bool>{true, false, false, true, true}));
  EXPECT_EQ(store.writes(), 5U);
}

TEST(FaultStore, FailsReadsUntilToldOk) {
  const auto inner = OpenMemory({"a"});
  FaultStore store(*inner);
  const Family a = store.FindFamily("a").value();
  store.FailReads(IoError("bad sector"));
  EXPECT_EQ(store.Get(a, "k").status().code(), Code::kIoError);
  EXPECT_EQ(store.MultiGet(a, {"k"}).status().code(), Code::kIoError);
  store.FailReads(Status::Ok());
  EXPECT_TRUE(store.Get(a, "k").ok());
}

}  // namespace
}  // namespace perennial::kv
