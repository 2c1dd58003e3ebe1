// SPDX-License-Identifier: Apache-2.0
//
// The raw number arrays ("storages") of a torch checkpoint and the pickle that refers to them.
#pragma once

#include "bundle/pickle.h"
#include "bundle/zip.h"

#include <chexworld/tensor.h>

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace chexworld {

/// What a pickle says about a storage: persistent id ('storage', class, key, location, element count).
struct StorageClaim {
  std::string key;
  std::string class_name;        ///< "torch.FloatStorage"
  std::optional<DataType> type;  ///< nothing for complex, quantised and untyped ones
  std::size_t element_bytes = 1;
  std::uint64_t elements = 0;
};

/// Parses the persistent id of a kPersistent node; throws Failure.
StorageClaim storage_claim(const PickleGraph& graph, const PickleNode& persistent);

using StorageClaims = std::map<std::string, StorageClaim, std::less<>>;

/// The storages a graph refers to, by key; claims about one key that differ are an error.
StorageClaims collect_claims(const PickleGraph& graph);

/// One checkpoint file taken apart: the main pickle and where the storages lie. Points into the file's bytes.
class CheckpointContainer {
 public:
  virtual ~CheckpointContainer() = default;
  const PickleGraph& graph() const { return graph_; }
  const StorageClaims& claims() const { return claims_; }

  /// The storage's bytes, checked against its claim's size and, where the format has one, its checksum.
  virtual std::span<const std::byte> storage(const std::string& key) const = 0;

  /// Recognises the zip format (torch 1.6 and newer) and the older stream format; throws Failure. Every storage that
  /// the pickle refers to is there with the size that the pickle says.
  static std::unique_ptr<CheckpointContainer> open(std::span<const std::byte> bytes, const PickleLimits& limits);

 protected:
  explicit CheckpointContainer(PickleGraph graph) : graph_(std::move(graph)), claims_(collect_claims(graph_)) {}

  PickleGraph graph_;
  StorageClaims claims_;
};

std::unique_ptr<CheckpointContainer> open_zip_checkpoint(std::span<const std::byte> bytes, const PickleLimits& limits);
std::unique_ptr<CheckpointContainer> open_legacy_checkpoint(std::span<const std::byte> bytes,
                                                            const PickleLimits& limits);

}  // namespace chexworld
