// SPDX-License-Identifier: Apache-2.0
//
// Whether a log names patients. What it finds is never printed: test output is a log too.
#pragma once

#include "base/config.h"

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace chexworld::test {

/// What in Orthanc's answer to /studies?expand identifies a patient: name and its parts, id, birth date, accession
/// number, referring physician. Short words, which occur by chance, are left out.
std::set<std::string> patient_words(const Json& studies);

/// Numbers (from 1) of the lines in Orthanc's log that come from our plugin or its worker and hold one of the words.
std::vector<int> lines_naming_patients(const std::string& orthanc_log, const std::set<std::string>& words);

/// Whether `text` holds `word` and not only as part of a longer one.
bool holds_word(std::string_view text, std::string_view word);

}  // namespace chexworld::test
