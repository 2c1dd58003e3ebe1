// SPDX-License-Identifier: Apache-2.0
//
// The format of torch 1.6 and newer: a zip with FOLDER/data.pkl and one member FOLDER/data/KEY per storage.
#include "base/failure.h"
#include "bundle/printable.h"
#include "bundle/storage.h"

namespace chexworld {
namespace {

constexpr std::string_view kPickleName = "/data.pkl";

/// The one top folder; it is named by the stem of the file that torch.save was given.
std::string top_folder(const ZipArchive& zip) {
  std::string folder;
  for (const auto& [name, member] : zip.members()) {
    const std::string top = name.substr(0, name.find('/'));
    if (!folder.empty() && top != folder)
      fail(ErrorCode::kUnsupported,
           "the zip has several top folders (" + printable(folder) + ", " + printable(top) + "), a checkpoint has one");
    folder = top;
  }
  if (!zip.has(folder + std::string(kPickleName)))
    fail(ErrorCode::kUnsupported, "the zip has no data.pkl in its top folder: not a checkpoint that torch.save wrote");
  if (zip.has(folder + "/constants.pkl"))
    fail(ErrorCode::kUnsupported, "is a TorchScript archive, which holds a program: save its state_dict() instead");
  return folder;
}

void check_byte_order(const ZipArchive& zip, const std::string& folder) {
  if (!zip.has(folder + "/byteorder")) return;  // before torch 2.1, always little
  const auto bytes = zip.read(folder + "/byteorder");
  const std::string_view order(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (order != "little")
    fail(ErrorCode::kUnsupported, "was written with byte order " + printable(order) + ", only 'little' is read");
}

PickleGraph read_main_pickle(const ZipArchive& zip, const std::string& folder, const PickleLimits& limits) {
  check_byte_order(zip, folder);
  const auto bytes = zip.read(folder + std::string(kPickleName));
  PickleGraph graph = read_pickle(bytes, limits);
  if (graph.bytes != bytes.size())
    fail(ErrorCode::kMalformed, std::to_string(bytes.size() - graph.bytes) + " bytes follow the pickle in data.pkl");
  return graph;
}

class ZipCheckpoint final : public CheckpointContainer {
 public:
  ZipCheckpoint(ZipArchive zip, std::string folder, const PickleLimits& limits)
      : CheckpointContainer(read_main_pickle(zip, folder, limits)), zip_(std::move(zip)), folder_(std::move(folder)) {
    for (const auto& [key, claim] : claims_) check_size(claim);
  }

  std::span<const std::byte> storage(const std::string& key) const override { return zip_.read(member_name(key)); }

 private:
  std::string member_name(const std::string& key) const { return folder_ + "/data/" + key; }

  void check_size(const StorageClaim& claim) const {
    const auto member = zip_.members().find(member_name(claim.key));
    if (member == zip_.members().end())
      fail(ErrorCode::kMalformed, "storage " + printable(claim.key) + " is not in the zip");
    const std::uint64_t claimed = claim.elements * claim.element_bytes;
    const std::uint64_t there = member->second.bytes.size();
    if (claimed != there)
      fail(ErrorCode::kMalformed, "storage " + printable(claim.key) + " should have " + std::to_string(claimed) +
                                      " bytes, the zip has " + std::to_string(there));
  }

  ZipArchive zip_;
  std::string folder_;
};

}  // namespace

std::unique_ptr<CheckpointContainer> open_zip_checkpoint(std::span<const std::byte> bytes, const PickleLimits& limits) {
  ZipArchive zip(bytes);
  std::string folder = top_folder(zip);
  return std::make_unique<ZipCheckpoint>(std::move(zip), std::move(folder), limits);
}

}  // namespace chexworld
