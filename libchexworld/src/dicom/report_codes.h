// SPDX-License-Identifier: Apache-2.0
//
// Coded concepts of our reports (PS3.16): standard codes where one says exactly what is meant, else our own scheme.
#pragma once

#include <string>
#include <string_view>

namespace chexworld {

struct ReportCode {
  std::string value;
  std::string scheme;
  std::string meaning;
};

/// Designator of our own coding scheme; named in the document's Coding Scheme Identification Sequence.
inline constexpr std::string_view kOwnCodingScheme = "99CHEXWORLD";

/// A finding's label: SNOMED CT where the label means exactly one of its concepts, else a code derived from the label.
ReportCode code_of_finding(std::string_view label);
/// "PA", "AP", "LL", "frontal": CID 4010 (DX View), but for "frontal".
ReportCode code_of_view(std::string_view view);
/// The name of a QualityNote.
ReportCode code_of_quality(std::string_view note);
ReportCode own_code(std::string_view value, std::string_view meaning);

/// Printable ASCII, which every character set of a study contains; anything else becomes '?'.
std::string report_text(std::string_view text, std::size_t most_bytes);

}  // namespace chexworld
