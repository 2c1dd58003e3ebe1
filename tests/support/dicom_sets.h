// SPDX-License-Identifier: Apache-2.0
//
// The DICOM sets below data_dir()/dicom, by their manifests.
#pragma once

#include "support/test_data.h"

#include <filesystem>
#include <string>
#include <vector>

namespace chexworld::test {

struct DicomCase {
  std::string set;  ///< folder: wg04, cxr, real, ignore, invalid
  std::filesystem::path file;
  CsvRow row;

  /// The cell of this column; empty where the set has no such column.
  std::string cell(const std::string& column) const {
    const auto found = row.find(column);
    return found == row.end() ? std::string() : found->second;
  }
};

/// Every row of one set's manifest.
inline std::vector<DicomCase> dicom_cases(const std::string& set) {
  const std::filesystem::path folder = data_dir() / "dicom" / set;
  std::vector<DicomCase> cases;
  for (CsvRow& row : read_csv(folder / "manifest.csv")) {
    const std::filesystem::path file = folder / row.at("file");
    cases.push_back({set, file, std::move(row)});
  }
  return cases;
}

}  // namespace chexworld::test
