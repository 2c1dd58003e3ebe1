// SPDX-License-Identifier: Apache-2.0
#include "dicom/body_part_words.h"

#include <algorithm>
#include <cctype>
#include <string>
#include <vector>

namespace chexworld {
namespace {

// Words separated by spaces; a trailing '*' stands for any ending.
constexpr std::string_view kChestWords =
    "CHEST* THORAX* TORAX* TORACE TORAKS LUNG* PULMON* POUMON* POLMON* POITRINE BRUSTKORB RIBCAGE HRUDNIK "
    "MELLKAS CXR BRYSTKASSE";

// DICOM's body parts (PS3.16 annex L) and common words of other languages. Short words that also mean something
// else (MAIN, PIE, ANCA) are left out on purpose.
constexpr std::string_view kOtherWords =
    "ABDOMEN* ABDOMINAL* ABD KUB PELVI* BECKEN* BASSIN BACINO HIP HIPS HUFT* HUEFT* HANCHE CADERA "
    "KNEE* KNIE* GENOU* RODILLA* GINOCCHIO PATELLA* ANKLE* CHEVILLE TOBILLO CAVIGLIA SPRUNGGELENK* FOOT "
    "FEET FUSS* PIED PIEDE TOE TOES HEEL CALCANEUS HAND HANDS MANO FINGER* THUMB* WRIST* POIGNET POLSO "
    "MUNECA HANDGELENK* ELBOW* ELLENBOGEN* COUDE CODO GOMITO ARM FOREARM* UNTERARM* OBERARM* HUMERUS "
    "RADIUS ULNA SHOULDER* SCHULTER* EPAULE HOMBRO SPALLA CLAVICLE* SCAPULA* ACJOINT SCJOINT SKULL* "
    "SCHAEDEL* SCHADEL* CRANE CRANEO CRANIO HEAD* NECK JAW* MANDIB* MAXILLA* TEETH TOOTH DENTAL* DENTES "
    "PANORAMIC* ORTHOPANTOM* OPG CEPHALO* FACE FACIAL* ORBIT* NASAL* SINUS* ZYGOMA* SPINE* CSPINE TSPINE "
    "LSPINE CTSPINE TLSPINE LSSPINE SSPINE RACHIS COLUMNA COLONNA WIRBELS* LWS BWS HWS CERVICAL* LUMBAR* "
    "LUMBO* SACRUM SACRAL SACROIL* COCCYX SIJOINT LEG LEGS FEMUR* THIGH TIBIA* FIBULA* UNTERSCHENKEL* "
    "OBERSCHENKEL* EXTREMIT* RIB RIBS STERNUM BREAST* MAMMO* COLON STOMACH BOWEL ESOPHAG* BLADDER KIDNEY* "
    "PHANTOM* WHOLEBODY";

bool is_lost(char c) { return c == '?' || static_cast<unsigned char>(c) > 127; }

/// Runs of letters in upper case; a run of lost bytes counts as the one letter '?'.
std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words(1);
  for (const char c : text) {
    if (is_lost(c)) {
      if (words.back().empty() || words.back().back() != '?') words.back() += '?';
    } else if (std::isalpha(static_cast<unsigned char>(c)) != 0) {
      words.back() += char(std::toupper(static_cast<unsigned char>(c)));
    } else if (!words.back().empty()) {
      words.emplace_back();
    }
  }
  std::erase_if(words, [](const std::string& word) {
    return word.size() < 2 || std::count(word.begin(), word.end(), '?') * 2 >= std::ptrdiff_t(word.size());
  });
  return words;
}

bool matches(std::string_view word, std::string_view pattern) {
  const bool open_ended = pattern.back() == '*';
  if (open_ended) pattern.remove_suffix(1);
  if (open_ended ? word.size() < pattern.size() : word.size() != pattern.size()) return false;
  return std::equal(pattern.begin(), pattern.end(), word.begin(), [](char p, char w) { return p == w || w == '?'; });
}

/// `patterns`: separated by single spaces.
bool any_matches(const std::vector<std::string>& words, std::string_view patterns) {
  while (!patterns.empty()) {
    const std::string_view pattern = patterns.substr(0, patterns.find(' '));
    patterns.remove_prefix(std::min(pattern.size() + 1, patterns.size()));
    const auto fits = [&](const std::string& word) { return matches(word, pattern); };
    if (std::any_of(words.begin(), words.end(), fits)) return true;
  }
  return false;
}

}  // namespace

BodyPart body_part_of(std::string_view text) {
  const std::vector<std::string> words = words_of(text);
  const bool chest = any_matches(words, kChestWords) || text.find("\u80f8") != std::string_view::npos;
  const bool other = any_matches(words, kOtherWords);
  if (chest) return other ? BodyPart::kBoth : BodyPart::kChest;
  return other ? BodyPart::kOther : BodyPart::kUnknown;
}

}  // namespace chexworld
