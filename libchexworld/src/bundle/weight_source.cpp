// SPDX-License-Identifier: Apache-2.0
#include "bundle/weight_source.h"

#include "base/failure.h"
#include "bundle/safetensors.h"

#include <cstring>

namespace chexworld {
namespace {

bool looks_like_safetensors(std::span<const std::byte> bytes) {
  std::uint64_t length = 0;
  if (bytes.size() < sizeof length + 1) return false;
  std::memcpy(&length, bytes.data(), sizeof length);
  return length <= bytes.size() - sizeof length && bytes[sizeof length] == std::byte{'{'};
}

WeightSource source_of(SafetensorsFile opened) {
  const auto file = std::make_shared<const SafetensorsFile>(std::move(opened));
  WeightSource source;
  source.origin = file->origin();
  for (const auto& [name, tensor] : file->tensors()) source.tensors[name] = {tensor.type, tensor.shape};
  source.view = [file](const std::string& name) { return file->at(name); };
  return source;
}

WeightSource source_of(Checkpoint opened) {
  const auto checkpoint = std::make_shared<Checkpoint>(std::move(opened));
  WeightSource source;
  source.origin = checkpoint->origin();
  for (const CheckpointTensor& tensor : checkpoint->tensors())
    source.tensors[tensor.name] = {tensor.type, tensor.shape};
  source.skipped = checkpoint->skipped();
  source.view = [checkpoint](const std::string& name) {
    const CheckpointTensor* tensor = checkpoint->find(name);
    if (tensor == nullptr) fail(ErrorCode::kNotFound, checkpoint->origin() + " has no tensor '" + name + "'");
    return checkpoint->view(*tensor);
  };
  return source;
}

}  // namespace

WeightSource open_weights(const std::filesystem::path& path, const CheckpointLimits& limits) {
  if (looks_like_safetensors(MappedFile(path).bytes())) return source_of(SafetensorsFile::open(path));
  return source_of(Checkpoint::open(path, limits));
}

WeightSource weights_from_bytes(std::span<const std::byte> bytes, std::string origin, const CheckpointLimits& limits) {
  if (looks_like_safetensors(bytes)) return source_of(SafetensorsFile::from_bytes(bytes, std::move(origin)));
  return source_of(Checkpoint::from_bytes(bytes, std::move(origin), limits));
}

}  // namespace chexworld
