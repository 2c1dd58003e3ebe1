// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "store/store.h"

#include <filesystem>
#include <string>
#include <vector>

namespace chexworld {
struct CsvTable;
}

namespace chexworld::cli {

/// One labelling per line that says something. A table with the columns `name` and `value` (and perhaps `source`) has a
/// label a line; in any other, each column but the UID's is a label whose value stands in the line, nothing where it
/// is empty. `source` counts where no column gives one. Throws Failure naming column or line.
std::vector<Labelling> labellings_from(const CsvTable& table, const std::string& source);

/// Reads the table into the store and prints what became of it. Lines whose image or study the store does not know are
/// counted and left out.
void import_labels(Store& store, const std::filesystem::path& table, const std::string& source, bool as_json);

}  // namespace chexworld::cli
