#include "trainer/flat_layout.h"

#include <algorithm>
#include <utility>

#include "serving/model/batch_norm.h"
#include "storage/base/bytes.h"

namespace perennial::trainer {
namespace {

constexpr int64_t kAlignment = 16;  // floats: 64 bytes, a cache line and the widest vector

int64_t SizeOf(const std::vector<int64_t>& shape) {
  int64_t size = 1;
  for (const int64_t dimension : shape) size *= dimension;
  return size;
}

// Where the statistics begin.
int64_t LearnedOf(const FlatLayout& layout) {
  for (const FlatLayout::Segment& segment : layout.segments) {
    if (model::IsStatistic(segment.name)) return segment.offset;
  }
  return layout.total;
}

}  // namespace

FlatLayout FlatLayout::Of(const model::Model& model) {
  FlatLayout layout;
  for (const auto& item : model.named_parameters()) {
    const std::vector<int64_t> shape = item.value().sizes().vec();
    layout.segments.push_back({item.key(), shape, 0, SizeOf(shape)});
  }
  std::sort(layout.segments.begin(), layout.segments.end(), [](const Segment& a, const Segment& b) {
    return std::pair(model::IsStatistic(a.name), a.name) < std::pair(model::IsStatistic(b.name), b.name);
  });
  for (Segment& segment : layout.segments) {
    segment.offset = layout.total;
    layout.total += (segment.size + kAlignment - 1) / kAlignment * kAlignment;
  }
  layout.learned = LearnedOf(layout);
  return layout;
}

const FlatLayout::Segment* FlatLayout::Find(std::string_view name) const {
  const auto at =
      std::find_if(segments.begin(), segments.end(), [&](const Segment& segment) { return segment.name == name; });
  return at != segments.end() ? &*at : nullptr;
}

std::string FlatLayout::Encode() const {
  ByteWriter out;
  out.Varint(segments.size());
  out.Varint(static_cast<uint64_t>(total));
  for (const Segment& segment : segments) {
    out.Bytes(segment.name);
    out.Varint(segment.shape.size());
    for (const int64_t dimension : segment.shape) out.Varint(static_cast<uint64_t>(dimension));
    out.Varint(static_cast<uint64_t>(segment.offset));
  }
  return out.Take();
}

Result<FlatLayout> FlatLayout::Decode(std::string_view bytes) {
  constexpr uint64_t kMaxDimension = uint64_t{1} << 32;
  ByteReader in(bytes);
  FlatLayout layout;
  const uint64_t count = in.Varint();
  layout.total = static_cast<int64_t>(in.Varint());
  for (uint64_t i = 0; i < count && in.ok(); ++i) {
    Segment segment;
    segment.name = std::string(in.Bytes(4096));
    const uint64_t dimensions = in.Varint();
    if (dimensions > 8) in.Fail();
    for (uint64_t d = 0; d < dimensions && in.ok(); ++d) {
      const uint64_t dimension = in.Varint();
      if (dimension > kMaxDimension) in.Fail();
      segment.shape.push_back(static_cast<int64_t>(dimension));
    }
    segment.offset = static_cast<int64_t>(in.Varint());
    segment.size = SizeOf(segment.shape);
    const bool inside = segment.offset >= 0 && segment.size >= 0 && segment.offset <= layout.total &&
                        segment.size <= layout.total - segment.offset;
    if (!inside) in.Fail();
    layout.segments.push_back(std::move(segment));
  }
  PERENNIAL_RETURN_IF_ERROR(in.Finish("parameter layout"));
  layout.learned = LearnedOf(layout);
  return layout;
}

void CopyShared(const FlatLayout& from, const torch::Tensor& source, const FlatLayout& to, torch::Tensor target) {
  const torch::NoGradGuard no_grad;
  for (const FlatLayout::Segment& segment : to.segments) {
    const FlatLayout::Segment* old = from.Find(segment.name);
    if (old == nullptr) continue;
    const int64_t shared = std::min(old->size, segment.size);  // row-major: leading rows are a prefix
    target.narrow(0, segment.offset, shared).copy_(source.narrow(0, old->offset, shared));
  }
}

}  // namespace perennial::trainer
