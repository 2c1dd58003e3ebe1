// SPDX-License-Identifier: Apache-2.0
#include "bundle/storage.h"

#include "base/failure.h"
#include "bundle/printable.h"

#include <array>

namespace chexworld {
namespace {

struct StorageClass {
  std::string_view name;
  std::size_t element_bytes;
  std::optional<DataType> type;
};

constexpr std::array kStorageClasses{
    StorageClass{"FloatStorage", 4, DataType::kF32},
    StorageClass{"HalfStorage", 2, DataType::kF16},
    StorageClass{"BFloat16Storage", 2, DataType::kBF16},
    StorageClass{"DoubleStorage", 8, DataType::kF64},
    StorageClass{"LongStorage", 8, DataType::kI64},
    StorageClass{"IntStorage", 4, DataType::kI32},
    StorageClass{"ShortStorage", 2, DataType::kI16},
    StorageClass{"CharStorage", 1, DataType::kI8},
    StorageClass{"ByteStorage", 1, DataType::kU8},
    StorageClass{"BoolStorage", 1, DataType::kBool},
    StorageClass{"ComplexFloatStorage", 8, {}},
    StorageClass{"ComplexDoubleStorage", 16, {}},
    StorageClass{"QInt8Storage", 1, {}},
    StorageClass{"QUInt8Storage", 1, {}},
    StorageClass{"QInt32Storage", 4, {}},
    StorageClass{"UntypedStorage", 1, {}},
};

const StorageClass& class_of(const PickleNode& global) {
  const bool known_module = global.text == "torch" || global.text == "torch.cuda" || global.text == "torch.storage";
  if (global.kind == NodeKind::kGlobal && known_module) {
    for (const StorageClass& candidate : kStorageClasses) {
      if (candidate.name == global.name) return candidate;
    }
  }
  fail(ErrorCode::kUnsupported, "a storage is of the unknown class " + printable(dotted_name(global)));
}

bool same(const StorageClaim& a, const StorageClaim& b) {
  return a.type == b.type && a.element_bytes == b.element_bytes && a.elements == b.elements;
}

}  // namespace

StorageClaim storage_claim(const PickleGraph& graph, const PickleNode& persistent) {
  const PickleNode& id = graph.at(persistent.callee);
  if (id.kind != NodeKind::kTuple || id.items.empty() || graph.at(id.items[0]).kind != NodeKind::kText)
    fail(ErrorCode::kMalformed, "the pickle has a persistent id that is not ('storage', ...)");
  const PickleNode& tag = graph.at(id.items[0]);
  if (tag.text != "storage")
    fail(ErrorCode::kUnsupported, "the pickle has a persistent id of kind " + printable(tag.text) +
                                      ": the file holds a whole Python model, save its state_dict() instead");
  if (id.items.size() != 5 && id.items.size() != 6)
    fail(ErrorCode::kMalformed, "the pickle has a storage id of " + std::to_string(id.items.size()) + " parts, not 5");
  if (id.items.size() == 6 && graph.at(id.items[5]).kind != NodeKind::kNone)
    fail(ErrorCode::kUnsupported, "a storage is a view of another one, as only torch 0.3 wrote it");
  const PickleNode& key = graph.at(id.items[2]);
  const PickleNode& elements = graph.at(id.items[4]);
  if (key.kind != NodeKind::kText) fail(ErrorCode::kMalformed, "a storage's key is not text");
  if (elements.kind != NodeKind::kInteger || elements.integer < 0)
    fail(ErrorCode::kMalformed, "storage " + printable(key.text) + " has an impossible element count");
  const StorageClass& kind = class_of(graph.at(id.items[1]));
  if (std::uint64_t(elements.integer) > std::uint64_t(INT64_MAX) / kind.element_bytes)
    fail(ErrorCode::kMalformed, "storage " + printable(key.text) + " has an impossible element count");
  return {std::string(key.text), dotted_name(graph.at(id.items[1])), kind.type, kind.element_bytes,
          std::uint64_t(elements.integer)};
}

StorageClaims collect_claims(const PickleGraph& graph) {
  StorageClaims claims;
  for (const PickleNode& node : graph.nodes) {
    if (node.kind != NodeKind::kPersistent) continue;
    StorageClaim claim = storage_claim(graph, node);
    const auto [entry, is_new] = claims.try_emplace(claim.key, claim);
    if (!is_new && !same(entry->second, claim))
      fail(ErrorCode::kMalformed, "storage " + printable(claim.key) + " is described twice and differently");
  }
  return claims;
}

std::unique_ptr<CheckpointContainer> CheckpointContainer::open(std::span<const std::byte> bytes,
                                                               const PickleLimits& limits) {
  if (ZipArchive::looks_like(bytes)) return open_zip_checkpoint(bytes, limits);
  if (bytes.size() >= 2 && bytes[0] == std::byte{0x80}) return open_legacy_checkpoint(bytes, limits);
  fail(ErrorCode::kUnsupported, "is neither a zip nor a pickle: not a checkpoint that torch.save wrote");
}

}  // namespace chexworld
