// SPDX-License-Identifier: Apache-2.0
//
// The real test data: not part of the product, used where it is present.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace chexworld::test {

/// Reference numbers: CHEXWORLD_REFERENCE_DIR, else ../shared/reference beside the repository.
std::filesystem::path reference_dir();
/// Radiographs and DICOM sets: CHEXWORLD_DATA_DIR, else ../shared/data beside the repository.
std::filesystem::path data_dir();

/// Whether the folder is there. A folder that was named by its variable but is missing is an error
/// (throws), so that a run pointed elsewhere cannot pass by testing nothing.
bool have_reference();
bool have_data();

/// Prints "covered N of M WHAT", so that a log shows what a run was worth.
void report_coverage(const std::string& what, std::size_t covered, std::size_t total);

/// The rows of a CSV file with a header line; quotes and doubled quotes as in RFC 4180.
using CsvRow = std::map<std::string, std::string>;
std::vector<CsvRow> read_csv(const std::filesystem::path& path);

}  // namespace chexworld::test
