#include <algorithm>
#include <bit>
#include <vector>

#include "storage/base/bytes.h"
#include "storage/format/float_planes.h"
#include "storage/format/image_head.h"
#include "updater/code_blocks.h"
#include "updater/codecs.h"
#include "updater/delta_plan.h"
#include "updater/delta_sections.h"
#include "updater/float_difference.h"

namespace perennial::updater {
namespace {

using format::TensorKind;
using format::TensorRecord;
using format::VersionImage;

constexpr std::string_view kMagic = "PDR1";
// A head is shapes and names: far smaller than this for any model here.
constexpr size_t kMaxHeadBytes = 64u << 20;

std::vector<float>& FloatsOf(TensorRecord& tensor) {
  return tensor.kind == TensorKind::kInt8Rows ? tensor.scales : tensor.values;
}
const std::vector<float>& FloatsOf(const TensorRecord& tensor) {
  return tensor.kind == TensorKind::kInt8Rows ? tensor.scales : tensor.values;
}

std::string HeadOf(const VersionImage& image) {
  ByteWriter head;
  format::WriteImageHead(image, head);
  return head.Take();
}

// Binds base, result and every byte of the body: SHA-256 over the three.
Hash256 CheckOf(const Hash256& base_root, const Hash256& target_root, std::string_view body) {
  Sha256Stream stream;
  stream.Update(base_root.View());
  stream.Update(target_root.View());
  stream.Update(body);
  return stream.Finish();
}

// How many numbers each stream of a delta holds, by plans and flags.
struct StreamSizes {
  size_t fresh_codes = 0, float_differences = 0, fresh_floats = 0;
};

StreamSizes SizesOf(const std::vector<TensorPlan>& plans, std::string_view flags) {
  StreamSizes sizes;
  for (size_t i = 0; i < plans.size(); ++i) {
    if ((flags[i] & kSkipFloats) == 0) sizes.float_differences += plans[i].floats.common;
    sizes.fresh_codes += plans[i].codes.fresh;
    sizes.fresh_floats += plans[i].floats.fresh;
  }
  return sizes;
}

// The common codes of a tensor; `row_size` as WriteCodeBlocks wants it.
CodeSegment SegmentOf(const TensorRecord& tensor, const TensorPlan& plan) {
  CodeSegment segment;
  segment.base = plan.codes.base;
  segment.count = plan.codes.common;
  const auto rows = static_cast<size_t>(tensor.shape.empty() ? 0 : tensor.shape[0]);
  segment.row_size = rows == 0 ? 1 : format::CodeCount(tensor) / rows;
  return segment;
}

// Equal bit for bit: -0.0 is not 0.0 here.
bool SameBits(const float* a, const float* b, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    if (std::bit_cast<uint32_t>(a[i]) != std::bit_cast<uint32_t>(b[i])) return false;
  }
  return true;
}

std::string FlagsOf(const VersionImage& target, const std::vector<TensorPlan>& plans) {
  std::string flags;
  for (size_t i = 0; i < plans.size(); ++i) {
    const TensorRecord& tensor = target.tensors[i];
    const TensorPlan& plan = plans[i];
    uint8_t flag = 0;
    if (std::equal(plan.codes.base, plan.codes.base + plan.codes.common, tensor.codes.data())) flag |= kSkipCodes;
    if (SameBits(plan.floats.base, FloatsOf(tensor).data(), plan.floats.common)) flag |= kSkipFloats;
    flags.push_back(static_cast<char>(flag));
  }
  return flags;
}

Status WriteStreams(const VersionImage& target, const std::vector<TensorPlan>& plans, std::string_view flags,
                    ByteWriter& out) {
  std::vector<CodeSegment> segments;
  std::string fresh_codes;
  std::vector<uint32_t> floats, fresh_floats;
  for (size_t i = 0; i < plans.size(); ++i) {
    const TensorRecord& tensor = target.tensors[i];
    const TensorPlan& plan = plans[i];
    if ((flags[i] & kSkipCodes) == 0) {
      segments.push_back(SegmentOf(tensor, plan));
      segments.back().target = tensor.codes.data();
    }
    fresh_codes.append(reinterpret_cast<const char*>(tensor.codes.data()) + plan.codes.common, plan.codes.fresh);
    const std::vector<float>& values = FloatsOf(tensor);
    for (size_t j = 0; j < plan.floats.common && (flags[i] & kSkipFloats) == 0; ++j) {
      floats.push_back(FoldFloat(plan.floats.base[j], values[j]));
    }
    for (size_t j = plan.floats.common; j < values.size(); ++j)
      fresh_floats.push_back(std::bit_cast<uint32_t>(values[j]));
  }
  WriteCodeBlocks(segments, out);
  PERENNIAL_RETURN_IF_ERROR(WriteSection(fresh_codes, out));
  PERENNIAL_RETURN_IF_ERROR(WritePlanes(floats, out));
  return WritePlanes(fresh_floats, out);
}

// Fills the codes that differ from the base's; the others are copied.
Status ReadCommonCodes(ByteReader& in, const std::vector<TensorPlan>& plans, std::string_view flags,
                       VersionImage& image) {
  std::vector<CodeSegment> segments;
  for (size_t i = 0; i < plans.size(); ++i) {
    const auto& codes = plans[i].codes;
    image.tensors[i].codes.assign(codes.base, codes.base + codes.common);
    if ((flags[i] & kSkipCodes) != 0) continue;
    segments.push_back(SegmentOf(image.tensors[i], plans[i]));
    segments.back().restored = image.tensors[i].codes.data();
  }
  return ReadCodeBlocks(in, segments);
}

// Fills the numbers of `image`, whose head is read, from the streams.
Status ReadStreams(ByteReader& in, const std::vector<TensorPlan>& plans, std::string_view flags, VersionImage& image) {
  const StreamSizes sizes = SizesOf(plans, flags);
  PERENNIAL_RETURN_IF_ERROR(ReadCommonCodes(in, plans, flags, image));
  PERENNIAL_ASSIGN_OR_RETURN(const std::string fresh_codes, ReadSectionOfSize(in, sizes.fresh_codes));
  PERENNIAL_ASSIGN_OR_RETURN(const std::string floats, ReadPlanes(in, sizes.float_differences));
  PERENNIAL_ASSIGN_OR_RETURN(const std::string fresh_floats, ReadPlanes(in, sizes.fresh_floats));
  size_t next_code = 0, next_float = 0, next_fresh = 0;
  for (size_t i = 0; i < plans.size(); ++i) {
    TensorRecord& tensor = image.tensors[i];
    const TensorPlan& plan = plans[i];
    const auto* fresh = reinterpret_cast<const int8_t*>(fresh_codes.data()) + next_code;
    tensor.codes.insert(tensor.codes.end(), fresh, fresh + plan.codes.fresh);
    next_code += plan.codes.fresh;
    std::vector<float>& numbers = FloatsOf(tensor);
    numbers.assign(plan.floats.base, plan.floats.base + plan.floats.common);
    for (size_t j = 0; j < plan.floats.common && (flags[i] & kSkipFloats) == 0; ++j) {
      numbers[j] = UnfoldFloat(numbers[j], format::LoadPlanes(floats, sizes.float_differences, next_float++));
    }
    for (size_t j = 0; j < plan.floats.fresh; ++j) {
      numbers.push_back(std::bit_cast<float>(format::LoadPlanes(fresh_floats, sizes.fresh_floats, next_fresh++)));
    }
  }
  return Status::Ok();
}

// The sections of updater/delta_range.md: codes by the range coder, everything else by zstd.
class DeltaRangeCodec final : public Codec {
 public:
  uint32_t id() const override { return kCodecDeltaRange; }
  std::string_view name() const override { return "delta-range"; }
  format::ObjectKind kind() const override { return format::ObjectKind::kDelta; }

  Result<std::string> Encode(const VersionImage* base, const VersionImage& target) const override {
    if (base == nullptr) return InvalidArgument("a delta needs a base");
    if (base->spec.ArchitectureHash() != target.spec.ArchitectureHash()) {
      return FailedPrecondition("delta: base and target are of different architectures", "publish a snapshot");
    }
    const std::vector<TensorPlan> plans = PlanDelta(*base, target);
    const std::string flags = FlagsOf(target, plans);
    ByteWriter body;
    PERENNIAL_RETURN_IF_ERROR(WriteSection(HeadOf(target) + flags, body, HeadOf(*base)));
    PERENNIAL_RETURN_IF_ERROR(WriteStreams(target, plans, flags, body));
    const Hash256 base_root = base->Root();
    ByteWriter out;
    out.Raw(kMagic);
    out.Raw(base_root.View());
    out.Raw(CheckOf(base_root, target.Root(), body.data()).View());
    out.Raw(body.data());
    return out.Take();
  }

  Result<VersionImage> Decode(const VersionImage* base, std::string_view bytes, uint64_t max_bytes) const override {
    if (base == nullptr) return FailedPrecondition("delta: its base is not here", "fetch the snapshot");
    ByteReader in(bytes);
    if (in.Raw(kMagic.size()) != kMagic) return Corruption("delta: unknown format");
    const std::string_view made_for = in.Raw(32);
    const std::string_view check = in.Raw(32);
    if (!in.ok()) return Corruption("delta: truncated");
    const std::string_view body = bytes.substr(bytes.size() - in.remaining());
    const Hash256 base_root = base->Root();
    if (base_root.View() != made_for) {
      return FailedPrecondition("delta: the base held here is not the one it was made against", "fetch the snapshot");
    }
    PERENNIAL_ASSIGN_OR_RETURN(const std::string head,
                               ReadSection(in, std::min<uint64_t>(max_bytes, kMaxHeadBytes), HeadOf(*base)));
    ByteReader head_in(head);
    PERENNIAL_ASSIGN_OR_RETURN(VersionImage image, format::ReadImageHead(head_in));
    const std::string_view flags = head_in.Raw(image.tensors.size());
    PERENNIAL_RETURN_IF_ERROR(head_in.Finish("delta head"));
    const format::ImageVolume volume = format::VolumeOf(image);
    if (volume.codes + 4 * volume.floats > max_bytes) {
      return ResourceExhausted("delta: the version has more than " + std::to_string(max_bytes) + " bytes");
    }
    PERENNIAL_RETURN_IF_ERROR(ReadStreams(in, PlanDelta(*base, image), flags, image));
    PERENNIAL_RETURN_IF_ERROR(in.Finish("delta"));
    if (Status valid = image.Validate(); !valid.ok()) return Corruption("delta: " + valid.message());
    if (CheckOf(base_root, image.Root(), body).View() != check) {
      return Corruption("delta: the result is not the version it was made for");
    }
    return image;
  }
};

}  // namespace

const Codec& DeltaRange() {
  static const DeltaRangeCodec codec;
  return codec;
}

}  // namespace perennial::updater
