// SPDX-License-Identifier: Apache-2.0
#include "dicom/view_tags.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <string>
#include <string_view>

namespace chexworld {
namespace {

using std::string_view;

struct Shown {
  View view = View::kUnknown;
  Projection projection = Projection::kUnknown;
};

constexpr Shown kPa{View::kFrontal, Projection::kPosteroAnterior};
constexpr Shown kAp{View::kFrontal, Projection::kAnteroPosterior};
constexpr Shown kFrontal{View::kFrontal, Projection::kUnknown};
constexpr Shown kLateral{View::kLateral, Projection::kUnknown};

struct Term {
  string_view text;
  Shown shown;
};

// Defined terms of View Position and what devices write instead. Lying on the side (decubitus) the beam is still
// frontal. Obliques are neither.
constexpr Term kPositions[] = {
    {"PA", kPa},           {"AP", kAp},        {"LL", kLateral},      {"RL", kLateral},    {"LAT", kLateral},
    {"LATERAL", kLateral}, {"LLAT", kLateral}, {"RLAT", kLateral},    {"L LAT", kLateral}, {"R LAT", kLateral},
    {"LLD", kFrontal},     {"RLD", kFrontal},  {"FRONTAL", kFrontal}, {"APL", kAp},
};

// CID 4010, SNOMED CT and the older SNOMED RT codes.
constexpr Term kCodes[] = {
    {"272479007", kPa},      {"R-10214", kPa},      {"399348003", kAp},      {"R-10206", kAp},
    {"399067008", kLateral}, {"R-10202", kLateral}, {"399173006", kLateral}, {"R-10236", kLateral},
    {"399198007", kLateral}, {"R-10232", kLateral}, {"260421001", kLateral}, {"260422008", kLateral},
};

std::string upper(string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), [](unsigned char c) { return char(std::toupper(c)); });
  return result;
}

template <std::size_t N>
std::optional<Shown> found_in(const Term (&terms)[N], string_view text) {
  const auto* const term =
      std::find_if(std::begin(terms), std::end(terms), [&](const Term& t) { return t.text == text; });
  return term == std::end(terms) ? std::nullopt : std::optional(term->shown);
}

std::optional<Shown> by_meaning(string_view text) {
  const std::string meaning = upper(text);
  const auto has = [&](string_view part) { return meaning.find(part) != std::string::npos; };
  if (has("OBLIQUE")) return std::nullopt;
  if (has("POSTERO-ANTERIOR") || has("POSTEROANTERIOR") || has("POSTERIOR-ANTERIOR")) return kPa;
  if (has("ANTERO-POSTERIOR") || has("ANTEROPOSTERIOR") || has("ANTERIOR-POSTERIOR")) return kAp;
  if (has("LATERAL")) return has("DECUBITUS") ? kFrontal : kLateral;
  return std::nullopt;
}

std::optional<Shown> by_codes(const std::vector<std::string>& codes) {
  for (const std::string& code : codes) {
    if (const auto shown = found_in(kCodes, code)) return shown;
    if (const auto shown = by_meaning(code)) return shown;
  }
  return std::nullopt;
}

/// Rows and columns of a frontal view run left-right and head-foot, in any rotation; those of a lateral one
/// anterior-posterior and head-foot.
std::optional<Shown> by_orientation(const std::vector<std::string>& directions) {
  if (directions.size() != 2 || directions[0].empty() || directions[1].empty()) return std::nullopt;
  const std::string both{directions[0][0], directions[1][0]};
  const auto has = [&](string_view letters) { return both.find_first_of(letters) != std::string::npos; };
  if (!has("HF")) return std::nullopt;
  if (has("LR")) return kFrontal;
  return has("AP") ? std::optional(kLateral) : std::nullopt;
}

/// The words of a text, where exactly one of them tells a view.
std::optional<Shown> by_words(string_view text) {
  std::optional<Shown> shown;
  std::string word;
  for (const char c : upper(text) + " ") {
    if (std::isalpha(static_cast<unsigned char>(c)) != 0) {
      word += c;
      continue;
    }
    const auto here = found_in(kPositions, word);
    if (here && shown && (here->view != shown->view || here->projection != shown->projection)) return std::nullopt;
    if (here) shown = here;
    word.clear();
  }
  return shown;
}

void settle(const std::optional<Shown>& shown, Evidence evidence, GateVerdict& verdict) {
  if (!shown) return;
  if (verdict.view == View::kUnknown && shown->view != View::kUnknown) {
    verdict.view = shown->view;
    verdict.view_from = evidence;
  }
  const bool same_view = verdict.view == shown->view;
  if (same_view && verdict.projection == Projection::kUnknown) verdict.projection = shown->projection;
}

}  // namespace

void read_view(const RadiographTags& tags, GateVerdict& verdict) {
  settle(found_in(kPositions, upper(tags.view_position)), Evidence::kTags, verdict);
  settle(by_meaning(tags.view_position), Evidence::kTags, verdict);
  settle(by_codes(tags.view_codes), Evidence::kTags, verdict);
  settle(by_orientation(tags.patient_orientation), Evidence::kTags, verdict);
  settle(found_in(kPositions, upper(tags.patient_position)), Evidence::kDescription, verdict);
  if (tags.descriptions.size() > 1) settle(by_words(tags.descriptions[1]), Evidence::kDescription, verdict);
}

}  // namespace chexworld
