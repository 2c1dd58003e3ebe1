// SPDX-License-Identifier: Apache-2.0
#include "trainer/report/metrics_file.h"

#include "base/failure.h"
#include "base/file.h"

#include <limits>

namespace chexworld {
namespace {

std::vector<Json> whole_records(const std::filesystem::path& path, std::int64_t last_update) {
  std::vector<Json> records;
  if (!std::filesystem::exists(path)) return records;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    Json record = Json::parse(line, nullptr, false);
    if (!record.is_object() || !record.contains("update") || !record["update"].is_number_integer()) continue;
    if (record["update"].get<std::int64_t>() <= last_update) records.push_back(std::move(record));
  }
  return records;
}

}  // namespace

MetricsFile::MetricsFile(std::filesystem::path path, std::int64_t update)
    : path_(std::move(path)), records_(whole_records(path_, update)) {
  std::string text;
  for (const Json& record : records_) text += record.dump() + "\n";
  write_file_atomically(path_, text);
  file_.open(path_, std::ios::app);
}

std::vector<Json> read_metrics(const std::filesystem::path& path) {
  return whole_records(path, std::numeric_limits<std::int64_t>::max());
}

void MetricsFile::add(const Json& record) {
  records_.push_back(record);
  file_ << record.dump() << '\n';
  file_.flush();
  if (!file_) fail(ErrorCode::kInputOutput, "writing " + path_.string() + ": free room on its disk");
}

}  // namespace chexworld
