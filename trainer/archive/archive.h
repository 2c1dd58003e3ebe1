// SPDX-License-Identifier: Apache-2.0
//
// A training archive: films ready for cutting views, without anything that tells whose they are.
//
// A folder of `archive.json` (settings) and safetensors shards that are mapped into memory, so that an archive
// larger than memory costs only the pages in use (docs/formats.md).
#pragma once

#include "bundle/safetensors.h"
#include "image/content_area.h"
#include "image/resample.h"

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace chexworld {

/// What made an archive's films; one for the whole archive.
struct ArchiveSettings {
  int short_side = 320;           ///< pixels; larger films are reduced to it, smaller ones stay
  int bits = 8;                   ///< per pixel, 8 or 16
  TrimOptions trim{true, true};   ///< margins that are cut off
  std::string key_fingerprint{};  ///< of the key behind pseudonyms, 16 hexadecimal digits

  friend bool operator==(const ArchiveSettings&, const ArchiveSettings&) = default;
};

/// The first half of a SHA-256: of a film's size and pixels, or keyed, of where it came from.
using ArchiveDigest = std::array<std::byte, 16>;

/// One film on its way into a shard.
struct ArchiveFilm {
  PixelSize size;
  std::vector<std::byte> pixels;  ///< u8[H,W], or u16[H,W] little endian
  ArchiveDigest source{};         ///< keyed hash of the file's place, so that a restart knows what is there
  std::map<std::string, std::string> columns;

  /// What two copies of one picture share.
  ArchiveDigest content() const;
};

/// An open archive. Move-only; immutable and so safe to read from several threads.
class Archive {
 public:
  /// Throws Failure naming the file: kNotFound, kMalformed, kUnsupported (a newer format).
  static Archive open(const std::filesystem::path& folder);

  const ArchiveSettings& settings() const { return settings_; }
  std::int64_t size() const { return std::int64_t(films_.size()); }
  std::size_t shards() const { return shards_.size(); }
  std::uint64_t bytes() const;

  PixelSize film_size(std::int64_t index) const;
  /// In 8 bits, whatever the archive has; a copy.
  GrayImage film(std::int64_t index) const;
  ArchiveDigest source(std::int64_t index) const;
  ArchiveDigest content(std::int64_t index) const;

  std::vector<std::string> columns() const;
  bool has_column(const std::string& column) const { return columns_.contains(column); }
  /// Empty where the film has no such value. Throws Failure(kNotFound) for a column that no film has.
  const std::string& value(std::int64_t index, const std::string& column) const;

  /// The films with one of `values` in `column`, ascending; all films for an empty list.
  std::vector<std::int64_t> where(const std::string& column, const std::vector<std::string>& values) const;

  /// Reads every pixel; sentences about what is wrong, empty if nothing. `progress` is told the films done.
  std::vector<std::string> verify(const std::function<void(std::int64_t)>& progress = {}) const;

 private:
  struct Shard {
    SafetensorsFile file;
    std::span<const std::byte> pixels, source, content;
    std::vector<std::int64_t> offsets;  // of films + 1
    std::vector<std::int32_t> sizes;    // height, width of each film
  };
  struct Place {
    std::uint32_t shard, row;
  };

  void add_shard(const std::filesystem::path& path);
  void add_columns(const Shard& shard, std::size_t films);
  std::span<const std::byte> pixels(std::int64_t index) const;
  Place place(std::int64_t index) const;

  ArchiveSettings settings_;
  std::vector<Shard> shards_;
  std::vector<Place> films_;
  std::vector<std::string> values_{""};                          // each text once
  std::map<std::string, std::uint32_t> value_numbers_{{"", 0}};  // into values_
  std::map<std::string, std::vector<std::uint32_t>> columns_;    // by film, into values_
};

/// Adds films to an archive's folder, one whole shard after the other. Not thread safe.
class ArchiveWriter {
 public:
  /// Creates the folder, or goes on with one of equal settings; throws Failure(kInvalidArgument) naming the setting
  /// that differs.
  ArchiveWriter(std::filesystem::path folder, const ArchiveSettings& settings, std::uint64_t shard_bytes);

  /// Writes a shard when `shard_bytes` have gathered.
  void add(ArchiveFilm film);
  /// Writes what is left.
  void finish();

 private:
  void write_shard();

  std::filesystem::path folder_;
  ArchiveSettings settings_;
  std::uint64_t shard_bytes_;
  std::uint64_t gathered_bytes_ = 0;
  int next_shard_ = 0;
  std::vector<ArchiveFilm> gathered_;
};

/// Shards of a folder in the order of their numbers.
std::vector<std::filesystem::path> archive_shards(const std::filesystem::path& folder);

}  // namespace chexworld
