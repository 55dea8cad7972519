#include "storage/kv/batch_check.h"

namespace perennial::kv {

Status CheckBatch(const WriteBatch& batch, size_t family_count) {
  for (const WriteBatch::Operation& operation : batch.operations()) {
    if (operation.family.index >= family_count) {
      return InvalidArgument("batch names column family " + std::to_string(operation.family.index) + " of " +
                             std::to_string(family_count));
    }
    if (operation.kind == WriteBatch::Operation::Kind::kDeleteRange && operation.value < operation.key) {
      return InvalidArgument("range to delete ends before it begins");
    }
  }
  return Status::Ok();
}

}  // namespace perennial::kv
