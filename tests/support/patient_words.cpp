// SPDX-License-Identifier: Apache-2.0
#include "support/patient_words.h"

#include <algorithm>
#include <cctype>
#include <sstream>

namespace chexworld::test {
namespace {

constexpr std::size_t kLeastLetters = 5;
constexpr std::size_t kLeastDigits = 6;

void add_word(std::set<std::string>& words, const std::string& word) {
  const bool number = word.find_first_not_of("0123456789") == std::string::npos;
  if (word.size() >= (number ? kLeastDigits : kLeastLetters)) words.insert(word);
}

/// The whole, and the parts of a name.
void add_value(std::set<std::string>& words, const Json& tags, const char* name) {
  const auto found = tags.find(name);
  if (found == tags.end() || !found->is_string()) return;
  std::string value = found->get<std::string>();
  add_word(words, value);
  std::replace_if(value.begin(), value.end(), [](char c) { return c == '^' || c == '='; }, ' ');
  std::istringstream parts(value);
  for (std::string part; parts >> part;) add_word(words, part);
}

bool is_part_of_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || static_cast<unsigned char>(c) >= 128;
}

bool is_ours(const std::string& line) {
  return line.find("chexworld") != std::string::npos || line.find("worker: ") != std::string::npos;
}

}  // namespace

std::set<std::string> patient_words(const Json& studies) {
  std::set<std::string> words;
  for (const Json& study : studies) {
    if (!study.is_object()) continue;
    const Json patient = study.value("PatientMainDicomTags", Json::object());
    const Json tags = study.value("MainDicomTags", Json::object());
    for (const char* name : {"PatientName", "PatientID", "PatientBirthDate", "OtherPatientIDs"})
      add_value(words, patient, name);
    for (const char* name : {"AccessionNumber", "ReferringPhysicianName"}) add_value(words, tags, name);
  }
  return words;
}

bool holds_word(std::string_view text, std::string_view word) {
  for (std::size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
    const bool begins = at == 0 || !is_part_of_word(text[at - 1]);
    const std::size_t end = at + word.size();
    if (begins && (end == text.size() || !is_part_of_word(text[end]))) return true;
  }
  return false;
}

std::vector<int> lines_naming_patients(const std::string& orthanc_log, const std::set<std::string>& words) {
  std::vector<int> found;
  std::istringstream lines(orthanc_log);
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (!is_ours(line)) continue;
    const std::size_t header = line.find("] ");  // time, thread and place, which hold numbers of their own
    const std::string_view text = std::string_view(line).substr(header == std::string::npos ? 0 : header + 2);
    if (std::any_of(words.begin(), words.end(), [&](const std::string& word) { return holds_word(text, word); }))
      found.push_back(number);
  }
  return found;
}

}  // namespace chexworld::test
