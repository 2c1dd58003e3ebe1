// SPDX-License-Identifier: Apache-2.0
//
// Films in a folder: DICOM objects, PNG and JPEG pictures, all of them or those a table lists.
#pragma once

#include "trainer/archive/build.h"

namespace chexworld {

/// How a table describes the films of a folder.
struct TableOptions {
  std::filesystem::path path;                               ///< CSV with a header line
  std::string file_column = "file";                         ///< paths relative to the folder
  std::string patient_column;                               ///< empty: the objects tell, or nobody
  std::vector<std::string> carry{};                         ///< columns that go into the archive
  std::vector<std::pair<std::string, std::string>> keep{};  ///< (column, value): rows that have all of these values
};

/// Immutable, so read() may be called from several threads.
class FileSource final : public FilmSource {
 public:
  /// Every regular file below `folder`, in the order of the paths.
  static FileSource walk(std::filesystem::path folder);
  /// What the table lists. Throws Failure naming a column that is missing, or one that may not be carried because it
  /// would identify patients.
  static FileSource from_table(std::filesystem::path folder, const TableOptions& table);

  const std::vector<SourceItem>& items() const override { return items_; }
  SourceFilm read(const SourceItem& item, const ArchiveSettings& settings) const override;

 private:
  explicit FileSource(std::filesystem::path folder) : folder_(std::move(folder)) {}

  std::filesystem::path folder_;
  std::vector<SourceItem> items_;
};

/// A film from the bytes of a DICOM object or a picture. Does not throw for what is wrong with them.
SourceFilm film_of(std::span<const std::byte> bytes, const ArchiveSettings& settings);

SourceFilm unreadable_film(std::string reason);

}  // namespace chexworld
