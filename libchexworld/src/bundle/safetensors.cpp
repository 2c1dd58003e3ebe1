// SPDX-License-Identifier: Apache-2.0
#include "bundle/safetensors.h"

#include "base/failure.h"
#include "bundle/printable.h"
#include "bundle/safetensors_header.h"

#include <bit>
#include <cstring>

namespace chexworld {
namespace {

static_assert(std::endian::native == std::endian::little, "tensors are shown as they lie in the file");

constexpr std::uint64_t kLongestHeaderBytes = 100'000'000;

}  // namespace

SafetensorsFile::SafetensorsFile(std::span<const std::byte> bytes, std::string origin)
    : bytes_(bytes), origin_(std::move(origin)) {
  within(origin_, [&] { read_header(); });
}

SafetensorsFile SafetensorsFile::open(const std::filesystem::path& path) {
  MappedFile mapping(path);
  SafetensorsFile file(mapping.bytes(), path.string());
  file.mapping_ = std::move(mapping);
  return file;
}

SafetensorsFile SafetensorsFile::from_bytes(std::span<const std::byte> bytes, std::string origin) {
  return {bytes, std::move(origin)};
}

void SafetensorsFile::read_header() {
  std::uint64_t length = 0;
  if (bytes_.size() < sizeof length) fail(ErrorCode::kMalformed, "is too short to be a safetensors file");
  std::memcpy(&length, bytes_.data(), sizeof length);
  const auto rest = bytes_.subspan(sizeof length);
  if (length > rest.size())
    fail(ErrorCode::kMalformed, "announces a header of " + std::to_string(length) + " bytes, but only " +
                                    std::to_string(rest.size()) + " follow: not a safetensors file, or cut off");
  if (length > kLongestHeaderBytes) fail(ErrorCode::kTooLarge, "has a header of more than 100 MB");
  const std::string_view json(reinterpret_cast<const char*>(rest.data()), std::size_t(length));
  if (json.empty() || json.front() != '{') fail(ErrorCode::kMalformed, "the header does not start with '{'");

  const auto data = rest.subspan(std::size_t(length));
  SafetensorsHeader header = parse_safetensors_header(json, data.size());
  for (auto& [name, entry] : header.entries) {
    const auto bytes = data.subspan(std::size_t(entry.begin), std::size_t(entry.end - entry.begin));
    tensors_[name] = {entry.type, std::move(entry.shape), aligned(bytes, entry.type)};
  }
  metadata_ = std::move(header.metadata);
}

std::span<const std::byte> SafetensorsFile::aligned(std::span<const std::byte> bytes, DataType type) {
  if (reinterpret_cast<std::uintptr_t>(bytes.data()) % size_of(type) == 0) return bytes;
  copies_.push_back(std::make_unique_for_overwrite<std::byte[]>(bytes.size()));
  if (!bytes.empty()) std::memcpy(copies_.back().get(), bytes.data(), bytes.size());
  return {copies_.back().get(), bytes.size()};
}

const TensorView& SafetensorsFile::at(const std::string& name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) fail(ErrorCode::kNotFound, origin_ + " has no tensor " + printable(name));
  return found->second;
}

}  // namespace chexworld
