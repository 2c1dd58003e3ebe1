// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/config.h"

#include <filesystem>
#include <fstream>
#include <vector>

namespace chexworld {

/// metrics.jsonl: one JSON object per line, each with the key "update". Not thread safe.
class MetricsFile {
 public:
  /// Goes on with what is there up to and including `update`; later lines, of updates that a killed run did without
  /// saving them, and a torn last line are dropped. Throws Failure(kInputOutput).
  MetricsFile(std::filesystem::path path, std::int64_t update);

  void add(const Json& record);
  /// All lines so far.
  const std::vector<Json>& records() const { return records_; }

 private:
  std::filesystem::path path_;
  std::vector<Json> records_;
  std::ofstream file_;
};

/// Its whole lines; none where there is no file.
std::vector<Json> read_metrics(const std::filesystem::path& path);

}  // namespace chexworld
