// SPDX-License-Identifier: Apache-2.0
#include "support/test_data.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace chexworld::test {
namespace {

std::filesystem::path from_environment(const char* variable, const char* default_folder) {
  const char* value = std::getenv(variable);
  if (value != nullptr && *value != '\0') return value;
  return std::filesystem::path(CHEXWORLD_DEFAULT_SHARED) / default_folder;
}

bool present(const std::filesystem::path& folder, const char* variable) {
  if (std::filesystem::is_directory(folder)) return true;
  const char* value = std::getenv(variable);
  if (value != nullptr && *value != '\0')
    throw std::runtime_error(std::string(variable) + " names no folder: " + value);
  return false;
}

}  // namespace

std::filesystem::path reference_dir() { return from_environment("CHEXWORLD_REFERENCE_DIR", "reference"); }
std::filesystem::path data_dir() { return from_environment("CHEXWORLD_DATA_DIR", "data"); }
bool have_reference() { return present(reference_dir(), "CHEXWORLD_REFERENCE_DIR"); }
bool have_data() { return present(data_dir(), "CHEXWORLD_DATA_DIR"); }

void report_coverage(const std::string& what, std::size_t covered, std::size_t total) {
  std::printf("covered %zu of %zu %s\n", covered, total, what.c_str());
}

std::vector<CsvRow> read_csv(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path.string());
  std::stringstream all;
  all << file.rdbuf();
  const std::string text = all.str();

  std::vector<std::vector<std::string>> lines(1, std::vector<std::string>(1));
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string& cell = lines.back().back();
    const char c = text[i];
    if (quoted && c == '"' && i + 1 < text.size() && text[i + 1] == '"') {
      cell += text[++i];
    } else if (c == '"') {
      quoted = !quoted;
    } else if (!quoted && c == ',') {
      lines.back().emplace_back();
    } else if (!quoted && c == '\n') {
      lines.emplace_back(1);
    } else if (quoted || c != '\r') {
      cell += c;
    }
  }
  if (lines.back().size() == 1 && lines.back()[0].empty()) lines.pop_back();
  std::vector<CsvRow> rows;
  for (std::size_t i = 1; i < lines.size(); ++i) {
    if (lines[i].size() != lines[0].size())
      throw std::runtime_error(path.string() + ": row " + std::to_string(i) +
                               " has another number of cells than the header");
    for (std::size_t j = 0; j < lines[0].size(); ++j) {
      if (j == 0) rows.emplace_back();
      rows.back()[lines[0][j]] = lines[i][j];
    }
  }
  return rows;
}

}  // namespace chexworld::test
