// SPDX-License-Identifier: Apache-2.0
//
// The stream format of torch before 1.6: five pickles (magic number, protocol version, system facts, the object, the
// keys of its storages), then for each key a 64-bit element count and the elements.
#include "base/failure.h"
#include "bundle/byte_reader.h"
#include "bundle/printable.h"
#include "bundle/storage.h"

namespace chexworld {
namespace {

using namespace std::string_view_literals;

constexpr auto kMagic = "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"sv;  // 0x1950a86a20f9469cfc6c, little-endian
constexpr std::int64_t kProtocolVersion = 1001;

PickleGraph next_pickle(ByteReader& reader, std::span<const std::byte> bytes, const char* what,
                        const PickleLimits& limits) {
  return within(what, [&] {
    PickleGraph graph = read_pickle(bytes.subspan(reader.position()), limits);
    reader.take(graph.bytes);
    return graph;
  });
}

const PickleNode& root_of(const PickleGraph& graph) { return graph.at(graph.root); }

void check_magic(const PickleGraph& graph) {
  const PickleNode& root = root_of(graph);
  if (root.kind != NodeKind::kBigInteger || root.text != kMagic)
    fail(ErrorCode::kUnsupported, "is a pickle, but not one that torch.save wrote (its magic number is missing)");
}

void check_version(const PickleGraph& graph) {
  const PickleNode& root = root_of(graph);
  if (root.kind != NodeKind::kInteger || root.integer != kProtocolVersion)
    fail(ErrorCode::kUnsupported, "has another stream version than 1001");
}

void check_system(const PickleGraph& graph) {
  const PickleNode& root = root_of(graph);
  if (root.kind != NodeKind::kDictionary) fail(ErrorCode::kMalformed, "the system facts are no dictionary");
  for (std::size_t i = 0; i + 1 < root.items.size(); i += 2) {
    const PickleNode& value = graph.at(root.items[i + 1]);
    if (graph.at(root.items[i]).text == "little_endian" && value.kind == NodeKind::kBoolean && value.integer == 1)
      return;
  }
  fail(ErrorCode::kUnsupported, "was not written with little-endian byte order, the only one that is read");
}

class LegacyCheckpoint final : public CheckpointContainer {
 public:
  LegacyCheckpoint(PickleGraph graph, const PickleGraph& keys, ByteReader& reader)
      : CheckpointContainer(std::move(graph)) {
    const PickleNode& list = root_of(keys);
    if (list.kind != NodeKind::kList) fail(ErrorCode::kMalformed, "the storage keys are no list");
    for (const NodeId id : list.items) read_storage(keys.at(id), reader);
    for (const auto& [key, claim] : claims_) {
      if (!storages_.contains(key)) fail(ErrorCode::kMalformed, "storage " + printable(key) + " is not in the file");
    }
    if (reader.remaining() != 0)
      fail(ErrorCode::kMalformed, std::to_string(reader.remaining()) + " bytes follow the last storage");
  }

  std::span<const std::byte> storage(const std::string& key) const override { return storages_.at(key); }

 private:
  void read_storage(const PickleNode& key, ByteReader& reader) {
    if (key.kind != NodeKind::kText) fail(ErrorCode::kMalformed, "a storage's key is not text");
    const auto claim = claims_.find(key.text);
    if (claim == claims_.end())
      fail(ErrorCode::kMalformed, "storage " + printable(key.text) + " is listed, but nothing refers to it");
    const auto elements = reader.number<std::uint64_t>();
    if (elements != claim->second.elements)
      fail(ErrorCode::kMalformed, "storage " + printable(key.text) + " should have " +
                                      std::to_string(claim->second.elements) + " elements, the file says " +
                                      std::to_string(elements));
    if (!storages_.emplace(claim->first, reader.take(elements * claim->second.element_bytes)).second)
      fail(ErrorCode::kMalformed, "storage " + printable(key.text) + " is listed twice");
  }

  std::map<std::string, std::span<const std::byte>> storages_;
};

}  // namespace

std::unique_ptr<CheckpointContainer> open_legacy_checkpoint(std::span<const std::byte> bytes,
                                                            const PickleLimits& limits) {
  ByteReader reader(bytes, "the file");
  check_magic(next_pickle(reader, bytes, "the magic number", limits));
  check_version(next_pickle(reader, bytes, "the stream version", limits));
  check_system(next_pickle(reader, bytes, "the system facts", limits));
  PickleGraph graph = next_pickle(reader, bytes, "the object", limits);
  const PickleGraph keys = next_pickle(reader, bytes, "the storage keys", limits);
  return std::make_unique<LegacyCheckpoint>(std::move(graph), keys, reader);
}

}  // namespace chexworld
