// SPDX-License-Identifier: Apache-2.0
#include "base/config.h"
#include "base/failure.h"
#include "base/file.h"
#include "trainer/archive/archive.h"
#include "trainer/archive/archive_format.h"

#include <algorithm>
#include <set>

namespace chexworld {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kShardPrefix = "shard-", kShardSuffix = ".safetensors";

/// The number in "shard-00012.safetensors"; -1 for any other name.
int shard_number(const std::string& name) {
  if (!name.starts_with(kShardPrefix) || !name.ends_with(kShardSuffix)) return -1;
  const std::string digits = name.substr(kShardPrefix.size(), name.size() - kShardPrefix.size() - kShardSuffix.size());
  if (digits.empty() || digits.size() > 8 || digits.find_first_not_of("0123456789") != std::string::npos) return -1;
  return std::stoi(digits);
}

std::string shard_name(int number) {
  const std::string digits = std::to_string(number);
  return std::string(kShardPrefix) + std::string(digits.size() < 5 ? 5 - digits.size() : 0, '0') + digits +
         std::string(kShardSuffix);
}

void require_equal(const ArchiveSettings& there, const ArchiveSettings& wanted, const fs::path& folder) {
  const auto complain = [&](const std::string& what) {
    fail(ErrorCode::kInvalidArgument, folder.string() + " is an archive with another " + what +
                                          ": use its settings to go on with it, or another folder");
  };
  if (there.short_side != wanted.short_side) complain("short side (" + std::to_string(there.short_side) + " pixels)");
  if (there.bits != wanted.bits) complain("depth (" + std::to_string(there.bits) + " bits)");
  if (there.trim != wanted.trim) complain("trimming of borders");
  if (there.key_fingerprint != wanted.key_fingerprint) complain("pseudonym key");
}

/// Column by column, each with one text per film.
std::string columns_text(const std::vector<ArchiveFilm>& films) {
  std::set<std::string> names;
  for (const ArchiveFilm& film : films)
    for (const auto& [name, value] : film.columns) names.insert(name);
  Json columns = Json::object();
  for (const std::string& name : names) {
    Json& texts = columns[name] = Json::array();
    for (const ArchiveFilm& film : films) {
      const auto value = film.columns.find(name);
      texts.push_back(value == film.columns.end() ? std::string() : value->second);
    }
  }
  return columns.dump(-1, ' ', false, Json::error_handler_t::replace);
}

template <class T>
TensorView view_of_numbers(const std::vector<T>& numbers, DataType type, std::vector<std::int64_t> shape) {
  return {type, std::move(shape), std::as_bytes(std::span(numbers))};
}

void append(std::vector<std::byte>& all, std::span<const std::byte> more) {
  all.insert(all.end(), more.begin(), more.end());
}

}  // namespace

std::vector<fs::path> archive_shards(const fs::path& folder) {
  std::vector<fs::path> shards;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder))
    if (shard_number(entry.path().filename().string()) >= 0) shards.push_back(entry.path());
  std::sort(shards.begin(), shards.end(), [](const fs::path& a, const fs::path& b) {
    return shard_number(a.filename().string()) < shard_number(b.filename().string());
  });
  return shards;
}

ArchiveSettings read_archive_settings(const fs::path& folder) {
  const fs::path path = folder / kArchiveSettingsFile;
  if (!fs::exists(path))
    fail(ErrorCode::kNotFound, folder.string() + " is no archive: it has no " + kArchiveSettingsFile +
                                   " (`chexworld archive build` makes one)");
  ConfigReader reader(read_config_file(path), path.string());
  const std::string format = reader.text("format", "");
  if (format != kArchiveFormat)
    fail(ErrorCode::kUnsupported,
         path.string() + ": archive format '" + format + "', this program reads " + std::string(kArchiveFormat));
  ArchiveSettings settings;
  settings.short_side = int(reader.integer("short_side", 320, {1, 65535}));
  settings.bits = int(reader.integer("bits", 8, {8, 16}));
  settings.trim.black_border = reader.boolean("trim_black_border", true);
  settings.trim.collimation = reader.boolean("trim_collimation", true);
  settings.key_fingerprint = reader.text("key_fingerprint", "");
  reader.finish();
  return settings;
}

void write_archive_settings(const fs::path& folder, const ArchiveSettings& settings) {
  const Json json{{"format", kArchiveFormat},
                  {"short_side", settings.short_side},
                  {"bits", settings.bits},
                  {"trim_black_border", settings.trim.black_border},
                  {"trim_collimation", settings.trim.collimation},
                  {"key_fingerprint", settings.key_fingerprint}};
  write_file_atomically(folder / kArchiveSettingsFile, json.dump(2) + "\n");
}

ArchiveWriter::ArchiveWriter(fs::path folder, const ArchiveSettings& settings, std::uint64_t shard_bytes)
    : folder_(std::move(folder)), settings_(settings), shard_bytes_(shard_bytes) {
  if (settings.short_side < 1 || (settings.bits != 8 && settings.bits != 16))
    fail(ErrorCode::kInvalidArgument, "an archive needs a short side of at least 1 pixel and 8 or 16 bits");
  std::error_code error;
  fs::create_directories(folder_, error);
  if (error) fail(ErrorCode::kInputOutput, "creating " + folder_.string() + ": " + error.message());
  if (fs::exists(folder_ / kArchiveSettingsFile)) {
    require_equal(read_archive_settings(folder_), settings, folder_);
  } else {
    write_archive_settings(folder_, settings);
  }
  const std::vector<fs::path> shards = archive_shards(folder_);
  if (!shards.empty()) next_shard_ = shard_number(shards.back().filename().string()) + 1;
}

void ArchiveWriter::add(ArchiveFilm film) {
  gathered_bytes_ += film.pixels.size();
  gathered_.push_back(std::move(film));
  if (gathered_bytes_ >= shard_bytes_) write_shard();
}

void ArchiveWriter::finish() {
  if (!gathered_.empty()) write_shard();
}

void ArchiveWriter::write_shard() {
  const auto films = std::int64_t(gathered_.size());
  std::vector<std::byte> pixels, source, content;
  std::vector<std::int64_t> offsets{0};
  std::vector<std::int32_t> sizes;
  pixels.reserve(gathered_bytes_);
  for (const ArchiveFilm& film : gathered_) {
    append(pixels, film.pixels);
    append(source, film.source);
    append(content, film.content());
    offsets.push_back(std::int64_t(pixels.size()));
    sizes.insert(sizes.end(), {film.size.height, film.size.width});
  }
  const TensorMap tensors{{"pixels", view_of_numbers(pixels, DataType::kU8, {std::int64_t(pixels.size())})},
                          {"offsets", view_of_numbers(offsets, DataType::kI64, {films + 1})},
                          {"sizes", view_of_numbers(sizes, DataType::kI32, {films, 2})},
                          {"source", view_of_numbers(source, DataType::kU8, {films, 16})},
                          {"content", view_of_numbers(content, DataType::kU8, {films, 16})}};
  write_safetensors(folder_ / shard_name(next_shard_++), tensors,
                    {{kShardFormatKey, std::string(kArchiveFormat)}, {kShardColumnsKey, columns_text(gathered_)}});
  gathered_.clear();
  gathered_bytes_ = 0;
}

}  // namespace chexworld
