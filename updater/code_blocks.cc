#include "updater/code_blocks.h"

#include <algorithm>
#include <string>

#include "updater/code_model.h"
#include "updater/range_coder.h"

namespace perennial::updater {
namespace {

enum class Method : uint8_t { kRaw = 0, kRange = 1 };

// A run of codes of one segment, in one block.
struct Piece {
  const CodeSegment* segment = nullptr;
  size_t first = 0;
  size_t count = 0;
};
using Block = std::vector<Piece>;

std::vector<Block> CutIntoBlocks(const std::vector<CodeSegment>& segments) {
  std::vector<Block> blocks;
  size_t room = 0;
  for (const CodeSegment& segment : segments) {
    for (size_t first = 0; first < segment.count;) {
      if (room == 0) {
        blocks.emplace_back();
        room = kCodesPerBlock;
      }
      const size_t count = std::min(room, segment.count - first);
      blocks.back().push_back({&segment, first, count});
      first += count;
      room -= count;
    }
  }
  return blocks;
}

size_t CodesIn(const Block& block) {
  size_t count = 0;
  for (const Piece& piece : block) count += piece.count;
  return count;
}

template <class Coder>
void CodeDifferences(Coder& coder, const Block& block, std::string& differences) {
  CodeModel model;
  auto* next = reinterpret_cast<int8_t*>(differences.data());
  for (const Piece& piece : block) {
    // A wider row has no neighbour above it in the block.
    const size_t width = std::clamp<size_t>(piece.segment->row_size, 1, kCodesPerBlock);
    model.CodeMatrix(coder, next, piece.count, width, piece.first % width);
    next += piece.count;
  }
}

// Modulo 256: any code from any code.
std::string DifferencesOf(const Block& block) {
  std::string differences;
  differences.reserve(CodesIn(block));
  for (const Piece& piece : block) {
    const int8_t* base = piece.segment->base + piece.first;
    const int8_t* target = piece.segment->target + piece.first;
    for (size_t i = 0; i < piece.count; ++i) differences.push_back(static_cast<char>(target[i] - base[i]));
  }
  return differences;
}

void AddDifferences(std::string_view differences, const Block& block) {
  for (const Piece& piece : block) {
    const int8_t* base = piece.segment->base + piece.first;
    int8_t* restored = piece.segment->restored + piece.first;
    for (size_t i = 0; i < piece.count; ++i) restored[i] = static_cast<int8_t>(base[i] + differences[i]);
    differences.remove_prefix(piece.count);
  }
}

}  // namespace

void WriteCodeBlocks(const std::vector<CodeSegment>& segments, ByteWriter& out) {
  for (const Block& block : CutIntoBlocks(segments)) {
    std::string differences = DifferencesOf(block);
    RangeEncoder encoder;
    CodeDifferences(encoder, block, differences);
    const std::string coded = encoder.Finish();
    const bool smaller = coded.size() < differences.size();
    out.U8(static_cast<uint8_t>(smaller ? Method::kRange : Method::kRaw));
    out.Bytes(smaller ? coded : differences);
  }
}

Status ReadCodeBlocks(ByteReader& in, const std::vector<CodeSegment>& segments) {
  for (const Block& block : CutIntoBlocks(segments)) {
    const auto method = static_cast<Method>(in.U8());
    const std::string_view bytes = in.Bytes();
    if (!in.ok()) return Corruption("delta: truncated");
    std::string differences(CodesIn(block), '\0');
    if (method == Method::kRaw) {
      if (bytes.size() != differences.size()) return Corruption("delta: a raw block does not fit the shapes");
      differences = bytes;
    } else if (method == Method::kRange) {
      RangeDecoder decoder(bytes);
      CodeDifferences(decoder, block, differences);
      if (!decoder.AtEnd()) return Corruption("delta: a block does not end where its codes do");
    } else {
      return Corruption("delta: unknown coding of a block");
    }
    AddDifferences(differences, block);
  }
  return Status::Ok();
}

}  // namespace perennial::updater
