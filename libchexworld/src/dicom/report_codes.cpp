// SPDX-License-Identifier: Apache-2.0
#include "dicom/report_codes.h"

#include "base/sha256.h"

#include <algorithm>
#include <cctype>

namespace chexworld {
namespace {

constexpr std::size_t kMostMeaningBytes = 64;  // Code Meaning is LO

struct Known {
  std::string_view name, value, meaning;
};

/// Labels of the public chest data sets, in lower case with spaces. Labels that fit several concepts of SNOMED CT
/// ("mass", "nodule", "infiltration") are left out on purpose.
constexpr Known kFindings[] = {
    {"atelectasis", "46621007", "Atelectasis"},
    {"cardiomegaly", "8186001", "Cardiomegaly"},
    {"consolidation", "95436008", "Lung consolidation"},
    {"edema", "19242006", "Pulmonary edema"},
    {"effusion", "60046008", "Pleural effusion"},
    {"emphysema", "87433001", "Pulmonary emphysema"},
    {"fibrosis", "51615001", "Fibrosis of lung"},
    {"pleural effusion", "60046008", "Pleural effusion"},
    {"pneumonia", "233604007", "Pneumonia"},
    {"pneumothorax", "36118008", "Pneumothorax"},
    {"pulmonary edema", "19242006", "Pulmonary edema"},
    {"pulmonary fibrosis", "51615001", "Fibrosis of lung"},
};

constexpr Known kViews[] = {
    {"AP", "399348003", "antero-posterior"},
    {"LL", "399067008", "lateral"},
    {"PA", "272479007", "postero-anterior"},
};

constexpr Known kQuality[] = {
    {"black-frame", "Q-BLACK-FRAME", "Black border around the picture"},
    {"burned-in-text", "Q-BURNED-IN", "Text burned into the picture"},
    {"doubtful", "Q-DOUBTFUL", "Object contradicts the standard"},
    {"extreme-aspect", "Q-ASPECT", "Unusual aspect ratio"},
    {"for-processing", "Q-FOR-PROCESSING", "Raw detector data"},
    {"low-contrast", "Q-LOW-CONTRAST", "Low contrast"},
    {"near-constant", "Q-NEAR-CONSTANT", "Hardly any contrast"},
    {"polarity-doubtful", "Q-POLARITY", "Polarity doubtful"},
    {"too-small", "Q-TOO-SMALL", "Picture is small"},
    {"view-doubtful", "Q-VIEW", "View doubtful"},
};

template <std::size_t N>
const Known* find(const Known (&table)[N], std::string_view name) {
  const auto found = std::find_if(std::begin(table), std::end(table), [&](const Known& k) { return k.name == name; });
  return found == std::end(table) ? nullptr : &*found;
}

std::string plain_label(std::string_view label) {
  std::string plain(label);
  for (char& c : plain) c = c == '_' ? ' ' : char(std::tolower(static_cast<unsigned char>(c)));
  return plain;
}

/// At most 16 characters (Code Value is SH), the same for the same text.
std::string code_from_text(char kind, const std::string& text) {
  return std::string(1, kind) + "-" + to_hex(sha256(text)).substr(0, 12);
}

}  // namespace

std::string report_text(std::string_view text, std::size_t most_bytes) {
  std::string plain(text.substr(0, most_bytes));
  std::replace_if(plain.begin(), plain.end(), [](char c) { return c < ' ' || c > '~' || c == '\\'; }, '?');
  return plain;
}

ReportCode own_code(std::string_view value, std::string_view meaning) {
  return {std::string(value), std::string(kOwnCodingScheme), report_text(meaning, kMostMeaningBytes)};
}

ReportCode code_of_finding(std::string_view label) {
  const std::string plain = plain_label(label);
  if (const Known* known = find(kFindings, plain))
    return {std::string(known->value), "SCT", std::string(known->meaning)};
  return own_code(code_from_text('F', plain), label);
}

ReportCode code_of_view(std::string_view view) {
  if (const Known* known = find(kViews, view)) return {std::string(known->value), "SCT", std::string(known->meaning)};
  if (view == "frontal") return own_code("V-FRONTAL", "frontal");
  return own_code(code_from_text('V', std::string(view)), view);
}

ReportCode code_of_quality(std::string_view note) {
  if (const Known* known = find(kQuality, note)) return own_code(known->value, known->meaning);
  return own_code(code_from_text('Q', std::string(note)), note);
}

}  // namespace chexworld
