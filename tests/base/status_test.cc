#include "storage/base/status.h"

#include <gtest/gtest.h>

#include <memory>
#include <numeric>
#include <vector>

#include "storage/base/ids.h"

namespace perennial {
namespace {

TEST(Status, NamesOfCodesAreStableAndReadBack) {
  const std::string_view names[] = {
      "ok",       "invalid_argument",   "not_found",         "already_exists", "failed_precondition", "corruption",
      "io_error", "resource_exhausted", "deadline_exceeded", "unavailable",    "permission_denied",   "cancelled",
      "internal"};
  for (uint8_t i = 0; i < 13; ++i) {
    EXPECT_EQ(CodeName(static_cast<Code>(i)), names[i]);
    EXPECT_EQ(CodeFromName(names[i]), static_cast<Code>(i));
  }
  EXPECT_EQ(CodeFromName("no_such_code"), std::nullopt);
}

TEST(Status, SaysWhatWhyAndWhatNext) {
  const Status status = Corruption("bad magic", "restore a snapshot");
  EXPECT_EQ(status.WithContext("open replay log").ToString(),
            "corruption: open replay log: bad magic (hint: restore a snapshot)");
  EXPECT_EQ(NotFound("gone").ToString(), "not_found: gone");
  EXPECT_EQ(Status::Ok().WithContext("anything"), Status::Ok());
  EXPECT_EQ(Status().ToString(), "ok");
}

Result<int> Half(int n) {
  if (n % 2 != 0) return InvalidArgument("odd");
  return n / 2;
}
Result<int> Quarter(int n) {
  PERENNIAL_ASSIGN_OR_RETURN(const int half, Half(n));
  PERENNIAL_ASSIGN_OR_RETURN(const int quarter, Half(half));
  return quarter;
}
Status CheckQuarter(int n) {
  PERENNIAL_RETURN_IF_ERROR(Half(n).status());
  return Quarter(n).status();
}

TEST(Result, MacrosPassTheFirstErrorOn) {
  EXPECT_EQ(Quarter(12).value(), 3);
  EXPECT_EQ(Quarter(6).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(Quarter(3).status().message(), "odd");
  EXPECT_TRUE(CheckQuarter(8).ok());
  EXPECT_FALSE(CheckQuarter(2).ok());
}

TEST(Result, HoldsWhatCanOnlyBeMoved) {
  Result<std::unique_ptr<int>> made = std::make_unique<int>(5);
  ASSERT_TRUE(made.ok());
  const std::unique_ptr<int> taken = std::move(made).value();
  EXPECT_EQ(*taken, 5);
}

TEST(Result, KeepsAValueAndPrefixesAnError) {
  EXPECT_EQ(Half(4).WithContext("halve").value(), 2);
  EXPECT_EQ(Half(3).WithContext("halve").status().message(), "halve: odd");
}

TEST(Result, ATemporarysValueOutlivesALoopOverIt) {
  const auto list = [] { return Result<std::vector<int>>(std::vector<int>{1, 2, 3}); };
  int sum = 0;
  for (const int n : list().value()) sum += n;
  EXPECT_EQ(sum, 6);
}

TEST(Id, IdsOfOneKindCompareAndHash) {
  EXPECT_LT(Offset{1}, Offset{2});
  EXPECT_EQ(VersionId{7}.ToString(), "7");
  EXPECT_EQ(std::hash<Offset>{}(Offset{3}), std::hash<uint64_t>{}(3));
}

}  // namespace
}  // namespace perennial
