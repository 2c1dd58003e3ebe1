// SPDX-License-Identifier: Apache-2.0
//
// Tables of text with a header line (RFC 4180), as data sets describe themselves.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace chexworld {

/// Plain value. Every row has as many fields as there are columns.
struct CsvTable {
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;
  std::vector<std::size_t> lines;  ///< of the file, from 1, where each row begins

  /// Position of a column; throws Failure(kInvalidArgument) naming it and what there is.
  std::size_t column(const std::string& name) const;
};

/// Quoted fields may hold commas, line breaks and doubled quotes; a byte order mark and empty lines are passed over.
/// Throws Failure(kMalformed) naming `origin` and the line: no header, a column named twice, a row of another
/// length, a quote that never ends. No message shows a value.
CsvTable parse_csv(std::string_view text, const std::string& origin);
CsvTable read_csv_file(const std::filesystem::path& path);

/// One field, quoted where it must be.
std::string csv_field(std::string_view text);

}  // namespace chexworld
