// SPDX-License-Identifier: Apache-2.0
//
// safetensors, the one binary format here: bundles, checkpoints, training shards, test vectors.
//
//   u64 little-endian n | n bytes of JSON header | data
//   {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]}, ..., "__metadata__": {"key": "text"}}
//
// Offsets count from the first byte after the header. A reader that trusts nothing: before a tensor is shown, its
// type, its shape against its bytes, and the tiling of the data (no overlap, no hole, nothing left over) are checked.
#pragma once

#include "base/mapped_file.h"

#include <chexworld/tensor.h>

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace chexworld {

using TensorMap = std::map<std::string, TensorView>;
using TextMap = std::map<std::string, std::string>;

/// An open safetensors file. Move-only; immutable and so safe to read from several threads.
/// Tensor views point into the mapped file, live as long as this object, and are aligned for their type.
class SafetensorsFile {
 public:
  /// Throws Failure naming the file: kNotFound, kInputOutput, kMalformed, kTooLarge (header over 100 MB),
  /// kUnsupported (an element type that DataType has not).
  static SafetensorsFile open(const std::filesystem::path& path);

  /// The same from memory, which must outlive the object; `origin` stands in messages for the file name.
  static SafetensorsFile from_bytes(std::span<const std::byte> bytes, std::string origin);

  const TensorMap& tensors() const { return tensors_; }
  const TextMap& metadata() const { return metadata_; }
  bool has(const std::string& name) const { return tensors_.contains(name); }

  /// Throws Failure(kNotFound) naming file and tensor.
  const TensorView& at(const std::string& name) const;

  /// The whole file, header included.
  std::span<const std::byte> bytes() const { return bytes_; }
  const std::string& origin() const { return origin_; }

 private:
  SafetensorsFile(std::span<const std::byte> bytes, std::string origin);
  void read_header();
  std::span<const std::byte> aligned(std::span<const std::byte> bytes, DataType type);

  std::optional<MappedFile> mapping_;  // empty when made by from_bytes
  std::span<const std::byte> bytes_;
  std::string origin_;
  TensorMap tensors_;
  TextMap metadata_;
  std::vector<std::unique_ptr<std::byte[]>> copies_;  // of tensors that lie unaligned in the file
};

/// Streams a safetensors file to `path`, atomically. The same tensors and metadata give the same bytes: wider types
/// first, then by name, so that every tensor is aligned; the data starts at a multiple of 8 bytes.
/// Throws Failure (kInvalidArgument where a tensor's bytes do not fit its shape; what write_file_atomically throws).
void write_safetensors(const std::filesystem::path& path, const TensorMap& tensors, const TextMap& metadata);

}  // namespace chexworld
