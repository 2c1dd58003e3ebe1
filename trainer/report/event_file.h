// SPDX-License-Identifier: Apache-2.0
//
// Event files that TensorBoard shows: numbers over the updates of a run.
//
// A file is a sequence of records: u64 length, u32 masked CRC-32C of it, the bytes, u32 masked CRC-32C of them, all
// little endian. The bytes are a protocol buffer message `Event`: wall_time (1, double), step (2, varint), then
// file_version (3, text) or summary (5: repeated value 1, with tag (1, text) and simple_value (2, float)).
#pragma once

#include <filesystem>
#include <fstream>
#include <map>
#include <string>

namespace chexworld {

/// Not thread safe. Numbers are on disk when add() returns, as far as the operating system is concerned.
class EventFile {
 public:
  /// A new file in `folder`, named after the time, as TensorBoard looks for. Throws Failure(kInputOutput).
  EventFile(const std::filesystem::path& folder, double wall_time);

  void add(std::int64_t step, double wall_time, const std::map<std::string, double>& scalars);
  const std::filesystem::path& path() const { return path_; }

 private:
  void write_record(const std::string& event);

  std::filesystem::path path_;
  std::ofstream file_;
};

/// ((crc >> 15 | crc << 17) + 0xa282ead8): what event files store, since a checksum of checksums says little.
std::uint32_t masked_crc32c(std::string_view bytes);

}  // namespace chexworld
