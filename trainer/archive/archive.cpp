// SPDX-License-Identifier: Apache-2.0
#include "trainer/archive/archive.h"

#include "base/config.h"
#include "base/failure.h"
#include "base/sha256.h"
#include "trainer/archive/archive_format.h"

#include <algorithm>
#include <cstring>
#include <set>

namespace chexworld {
namespace fs = std::filesystem;
namespace {

template <class T>
std::vector<T> numbers_of(const TensorView& view) {
  std::vector<T> numbers(view.bytes.size() / sizeof(T));
  std::memcpy(numbers.data(), view.bytes.data(), numbers.size() * sizeof(T));
  return numbers;
}

[[noreturn]] void damaged(const SafetensorsFile& file, const std::string& what) {
  fail(ErrorCode::kMalformed, file.origin() + " is no shard of an archive: " + what);
}

const TensorView& tensor(const SafetensorsFile& file, const char* name, DataType type,
                         const std::vector<std::int64_t>& shape) {
  if (!file.has(name)) damaged(file, std::string("it has no tensor '") + name + "'");
  const TensorView& view = file.at(name);
  if (view.type != type || view.shape != shape) damaged(file, std::string("tensor '") + name + "' has another shape");
  return view;
}

void require_offsets(const SafetensorsFile& file, const std::vector<std::int64_t>& offsets,
                     const std::vector<std::int32_t>& sizes, std::size_t pixel_bytes, int bits) {
  if (offsets.front() != 0 || std::uint64_t(offsets.back()) != pixel_bytes) damaged(file, "films do not fill it");
  for (std::size_t i = 0; i + 1 < offsets.size(); ++i) {
    const std::int64_t height = sizes[2 * i], width = sizes[2 * i + 1];
    if (height < 1 || width < 1 || offsets[i + 1] - offsets[i] != height * width * (bits / 8))
      damaged(file, "film " + std::to_string(i) + " does not fill its place");
  }
}

ArchiveDigest digest_at(std::span<const std::byte> table, std::size_t row) {
  ArchiveDigest digest;
  std::memcpy(digest.data(), table.data() + row * digest.size(), digest.size());
  return digest;
}

}  // namespace

ArchiveDigest film_digest(PixelSize size, std::span<const std::byte> pixels) {
  const std::int32_t shape[] = {size.height, size.width};
  Sha256 hash;
  hash.update(std::as_bytes(std::span(shape)));
  hash.update(pixels);
  return shortened(hash.finish());
}

ArchiveDigest ArchiveFilm::content() const { return film_digest(size, pixels); }

Archive Archive::open(const fs::path& folder) {
  Archive archive;
  archive.settings_ = read_archive_settings(folder);
  for (const fs::path& path : archive_shards(folder)) archive.add_shard(path);
  return archive;
}

void Archive::add_shard(const fs::path& path) {
  SafetensorsFile file = SafetensorsFile::open(path);
  const auto format = file.metadata().find(kShardFormatKey);
  if (format == file.metadata().end()) damaged(file, "it does not say so");
  if (format->second != kArchiveFormat)
    fail(ErrorCode::kUnsupported, path.string() + " is of archive format " + format->second + ", this program reads " +
                                      std::string(kArchiveFormat));
  if (!file.has("sizes") || file.at("sizes").shape.size() != 2 || !file.has("pixels"))
    damaged(file, "tensors are missing");
  const std::int64_t films = file.at("sizes").shape[0];
  Shard shard{.file = std::move(file)};
  const SafetensorsFile& open_file = shard.file;
  shard.pixels = open_file.at("pixels").bytes;
  shard.sizes = numbers_of<std::int32_t>(tensor(open_file, "sizes", DataType::kI32, {films, 2}));
  shard.offsets = numbers_of<std::int64_t>(tensor(open_file, "offsets", DataType::kI64, {films + 1}));
  shard.source = tensor(open_file, "source", DataType::kU8, {films, 16}).bytes;
  shard.content = tensor(open_file, "content", DataType::kU8, {films, 16}).bytes;
  require_offsets(open_file, shard.offsets, shard.sizes, shard.pixels.size(), settings_.bits);
  add_columns(shard, std::size_t(films));
  for (std::uint32_t row = 0; row < films; ++row) films_.push_back({std::uint32_t(shards_.size()), row});
  shards_.push_back(std::move(shard));
}

void Archive::add_columns(const Shard& shard, std::size_t films) {
  const auto found = shard.file.metadata().find(kShardColumnsKey);
  if (found == shard.file.metadata().end()) damaged(shard.file, "it has no columns");
  const Json columns = parse_json(found->second, shard.file.origin());
  if (!columns.is_object()) damaged(shard.file, "its columns are no table");
  for (const auto& [name, texts] : columns.items()) {
    if (!texts.is_array() || texts.size() != films) damaged(shard.file, "a column has another length");
    columns_[name].resize(films_.size());
  }
  for (auto& [name, numbers] : columns_) {
    numbers.resize(films_.size() + films);
    const auto texts = columns.find(name);
    if (texts == columns.end()) continue;
    for (std::size_t row = 0; row < films; ++row) {
      if (!(*texts)[row].is_string()) damaged(shard.file, "a column holds something that is no text");
      const auto [value, is_new] =
          value_numbers_.try_emplace((*texts)[row].get<std::string>(), std::uint32_t(values_.size()));
      if (is_new) values_.push_back(value->first);
      numbers[films_.size() + row] = value->second;
    }
  }
}

std::uint64_t Archive::bytes() const {
  std::uint64_t sum = 0;
  for (const Shard& shard : shards_) sum += shard.file.bytes().size();
  return sum;
}

Archive::Place Archive::place(std::int64_t index) const {
  if (index < 0 || index >= size())
    fail(ErrorCode::kInvalidArgument, "the archive has no film " + std::to_string(index));
  return films_[std::size_t(index)];
}

PixelSize Archive::film_size(std::int64_t index) const {
  const auto [shard, row] = place(index);
  return {shards_[shard].sizes[2 * row], shards_[shard].sizes[2 * row + 1]};
}

std::span<const std::byte> Archive::pixels(std::int64_t index) const {
  const auto [number, row] = place(index);
  const Shard& shard = shards_[number];
  return shard.pixels.subspan(std::size_t(shard.offsets[row]),
                              std::size_t(shard.offsets[row + 1] - shard.offsets[row]));
}

GrayImage Archive::film(std::int64_t index) const {
  const PixelSize size = film_size(index);
  const std::span<const std::byte> bytes = pixels(index);
  GrayImage film{size.width, size.height,
                 std::vector<std::uint8_t>(std::size_t(size.width) * std::size_t(size.height))};
  if (settings_.bits == 8) {
    std::memcpy(film.pixels.data(), bytes.data(), bytes.size());
    return film;
  }
  for (std::size_t i = 0; i < film.pixels.size(); ++i) {
    const unsigned value = unsigned(bytes[2 * i]) | unsigned(bytes[2 * i + 1]) << 8;
    film.pixels[i] = std::uint8_t((value * 255 + 32767) / 65535);
  }
  return film;
}

ArchiveDigest Archive::source(std::int64_t index) const {
  const auto [shard, row] = place(index);
  return digest_at(shards_[shard].source, row);
}

ArchiveDigest Archive::content(std::int64_t index) const {
  const auto [shard, row] = place(index);
  return digest_at(shards_[shard].content, row);
}

std::vector<std::string> Archive::columns() const {
  std::vector<std::string> names;
  for (const auto& [name, numbers] : columns_) names.push_back(name);
  return names;
}

const std::string& Archive::value(std::int64_t index, const std::string& column) const {
  place(index);
  const auto found = columns_.find(column);
  if (found == columns_.end())
    fail(ErrorCode::kNotFound, "the archive has no column '" + column + "' (`archive info` lists them)");
  return values_[found->second[std::size_t(index)]];
}

std::vector<std::int64_t> Archive::where(const std::string& column, const std::vector<std::string>& values) const {
  std::vector<std::int64_t> films;
  for (std::int64_t i = 0; i < size(); ++i)
    if (values.empty() || std::find(values.begin(), values.end(), value(i, column)) != values.end()) films.push_back(i);
  return films;
}

std::vector<std::string> Archive::verify(const std::function<void(std::int64_t)>& progress) const {
  std::vector<std::string> problems;
  std::set<ArchiveDigest> contents;
  for (std::int64_t i = 0; i < size(); ++i) {
    const std::string film = shards_[place(i).shard].file.origin() + ", film " + std::to_string(place(i).row);
    if (film_digest(film_size(i), pixels(i)) != content(i)) problems.push_back(film + ": its pixels have changed");
    if (!contents.insert(content(i)).second) problems.push_back(film + ": the same picture is there twice");
    if (progress) progress(i + 1);
  }
  return problems;
}

}  // namespace chexworld
