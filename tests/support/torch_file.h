// SPDX-License-Identifier: Apache-2.0
//
// Writes checkpoints as torch.save would, and as nobody should: for tests and fuzzers. Strings are bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace chexworld::test {

std::string number_bytes(std::uint64_t value, int bytes);  ///< little-endian

/// Pieces of pickles, protocol 2; every function but whole() gives operations that leave one value on the stack.
namespace pickle {
std::string whole(const std::string& value);  ///< with PROTO in front and STOP at the end
std::string text(std::string_view value);
std::string integer(std::int64_t value);
std::string boolean(bool value);
std::string none();
std::string tuple(const std::vector<std::string>& items);
std::string list(const std::vector<std::string>& items);
std::string dictionary(const std::vector<std::pair<std::string, std::string>>& items);  ///< keys are text
std::string global(std::string_view module, std::string_view name);
std::string call(const std::string& function, const std::vector<std::string>& arguments);
std::string storage(std::string_view class_name, std::string_view key, std::int64_t elements);
/// _rebuild_tensor_v2 over a storage
std::string tensor(const std::string& storage, std::int64_t offset, const std::vector<std::int64_t>& size,
                   const std::vector<std::int64_t>& stride);
/// A dense f32 tensor with a storage of its own.
std::string dense(std::string_view key, const std::vector<std::int64_t>& size);
}  // namespace pickle

/// One member of a zip; what is set here may contradict itself.
struct ZipMember {
  std::string name;
  std::string content;
  std::uint16_t flags = 0;
  std::uint16_t method = 0;
  int descriptor_bytes = 0;  ///< 0, 16 or 24; sets flag 3
  std::string local_extra = {};
  std::string central_extra = {};
  std::string central_comment = {};
  std::optional<std::string> local_name = {};
  std::optional<std::uint32_t> crc = {};        ///< instead of the right one, everywhere
  std::optional<std::uint32_t> local_crc = {};  ///< in the local header only
  std::optional<std::uint32_t> local_size = {};
  std::optional<std::uint32_t> central_size = {};  ///< stored size
  std::optional<std::uint32_t> plain_size = {};    ///< in the central header
  std::optional<std::uint32_t> offset = {};        ///< in the central header
  std::optional<std::uint32_t> descriptor_crc = {};
  std::string gap_before = {};  ///< bytes in front that belong to nobody
};

struct ZipTail {
  bool zip64 = false;
  std::string gap = {};       ///< bytes between the last member and the directory
  std::string appended = {};  ///< bytes after the end record
  std::optional<std::uint16_t> members = {};
  std::optional<std::uint32_t> directory_begin = {};
  std::uint16_t disk = 0;
  std::optional<std::uint64_t> members64 = {};
  std::optional<std::uint64_t> record64_begin = {};
  std::uint64_t record64_size = 44;
};

std::string zip_file(const std::vector<ZipMember>& members, const ZipTail& tail = {});

struct TorchStorage {
  std::string key;
  std::string content;
};

/// The members torch.save writes: archive/data.pkl, byteorder, version, data/KEY.
std::vector<ZipMember> torch_members(const std::string& pickle, const std::vector<TorchStorage>& storages);
std::string torch_zip(const std::string& pickle, const std::vector<TorchStorage>& storages);

/// The stream format before torch 1.6.
struct LegacyParts {
  std::string magic;
  std::string version;
  std::string system;
  std::string object;
  std::string keys;
  std::string storages;
  std::string joined() const { return magic + version + system + object + keys + storages; }
};
LegacyParts legacy_parts(const std::string& pickle, const std::vector<TorchStorage>& storages, int element_bytes = 4);

}  // namespace chexworld::test
