#include "updater/transport/wire_report.h"

#include <algorithm>

namespace perennial::transport {
namespace {

constexpr size_t kArmBytes = 8 * 8;

void EncodeArm(ByteWriter& out, const updater::ArmCounts& arm) {
  out.U64(arm.version.value);
  out.U64(arm.requests);
  out.U64(arm.errors);
  out.U64(arm.nan_outputs);
  out.U64(arm.feedback);
  out.U64(arm.feedback_correct);
  out.F64(arm.confidence_sum);
  out.F64(arm.latency_ms_sum);
}

updater::ArmCounts DecodeArm(ByteReader& in) {
  updater::ArmCounts arm;
  arm.version.value = in.U64();
  arm.requests = in.U64();
  arm.errors = in.U64();
  arm.nan_outputs = in.U64();
  arm.feedback = in.U64();
  arm.feedback_correct = in.U64();
  arm.confidence_sum = in.F64();
  arm.latency_ms_sum = in.F64();
  return arm;
}

}  // namespace

void EncodeReport(ByteWriter& out, const Report& report) {
  out.Bytes(std::string_view(report.name).substr(0, kMaxNameBytes));
  out.Bytes(std::string_view(report.state).substr(0, kMaxNameBytes));
  out.U64(report.stable.value);
  out.U64(report.candidate.value);
  out.U64(report.swaps);
  out.U64(report.bytes_downloaded);
  out.Bytes(std::string_view(report.last_error).substr(0, kMaxTextBytes));
  out.Bytes(std::string_view(report.http_address).substr(0, kMaxTextBytes));
  const size_t arms = std::min(report.arms.size(), kMaxArms);
  out.U8(static_cast<uint8_t>(arms));
  for (size_t i = 0; i < arms; ++i) EncodeArm(out, report.arms[i]);
  out.U8(report.refusal.has_value() ? 1 : 0);
  if (report.refusal.has_value()) {
    out.U64(report.refusal->version.value);
    out.Bytes(std::string_view(report.refusal->reason).substr(0, kMaxTextBytes));
  }
}

Report DecodeReport(ByteReader& in) {
  Report report;
  report.name = in.Bytes(kMaxNameBytes);
  report.state = in.Bytes(kMaxNameBytes);
  report.stable.value = in.U64();
  report.candidate.value = in.U64();
  report.swaps = in.U64();
  report.bytes_downloaded = in.U64();
  report.last_error = in.Bytes(kMaxTextBytes);
  report.http_address = in.Bytes(kMaxTextBytes);
  const uint8_t arms = in.U8();
  if (arms > kMaxArms || arms * kArmBytes > in.remaining()) in.Fail();
  for (uint8_t i = 0; i < arms && in.ok(); ++i) report.arms.push_back(DecodeArm(in));
  const uint8_t refused = in.U8();
  if (refused > 1) in.Fail();
  if (refused == 1) {
    Refusal refusal;
    refusal.version.value = in.U64();
    refusal.reason = in.Bytes(kMaxTextBytes);
    report.refusal = std::move(refusal);
  }
  return report;
}

}  // namespace perennial::transport
