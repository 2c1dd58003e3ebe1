// SPDX-License-Identifier: Apache-2.0
#include "base/failure.h"
#include "base/file.h"
#include "bundle/printable.h"
#include "bundle/safetensors.h"
#include "bundle/safetensors_header.h"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

namespace chexworld {
namespace {

using NamedTensor = TensorMap::value_type;

/// Widest elements first: then every tensor starts at a multiple of its element size.
std::vector<const NamedTensor*> in_file_order(const TensorMap& tensors) {
  std::vector<const NamedTensor*> order;
  for (const NamedTensor& tensor : tensors) order.push_back(&tensor);
  std::ranges::stable_sort(order, std::greater<>(), [](const NamedTensor* t) { return size_of(t->second.type); });
  return order;
}

void check_tensor(const std::string& name, const TensorView& tensor) {
  if (name == "__metadata__") fail(ErrorCode::kInvalidArgument, "a tensor may not be named __metadata__");
  if (byte_count(tensor.type, tensor.shape) != tensor.bytes.size())
    fail(ErrorCode::kInvalidArgument, "tensor " + printable(name) + " of shape " + shape_text(tensor.shape) +
                                          " does not have " + std::to_string(tensor.bytes.size()) + " bytes");
}

std::string header_text(const std::vector<const NamedTensor*>& order, const TextMap& metadata) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::uint64_t offset = 0;
  for (const auto* item : order) {
    const auto& [name, tensor] = *item;
    check_tensor(name, tensor);
    header[name] = {{"dtype", name_of(tensor.type)},
                    {"shape", tensor.shape},
                    {"data_offsets", {offset, offset + tensor.bytes.size()}}};
    offset += tensor.bytes.size();
  }
  try {
    std::string text = header.dump();
    text.append((8 - text.size() % 8) % 8, ' ');
    return text;
  } catch (const nlohmann::json::type_error&) {
    fail(ErrorCode::kInvalidArgument, "writing safetensors: a name or a metadata text is not UTF-8");
  }
}

}  // namespace

void write_safetensors(const std::filesystem::path& path, const TensorMap& tensors, const TextMap& metadata) {
  const auto order = in_file_order(tensors);
  const std::string header = header_text(order, metadata);
  const std::uint64_t length = header.size();
  write_file_atomically(path, [&](FileWriter& writer) {
    writer.write(std::as_bytes(std::span(&length, 1)));
    writer.write(header);
    for (const NamedTensor* item : order) writer.write(item->second.bytes);
  });
}

}  // namespace chexworld
