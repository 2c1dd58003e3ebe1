// SPDX-License-Identifier: Apache-2.0
#include "dicom/view_tags.h"
#include "dicom/body_part_words.h"

#include <gmock/gmock.h>
#include <string>

namespace chexworld {
namespace {

GateVerdict view_of(const RadiographTags& tags) {
  GateVerdict verdict;
  read_view(tags, verdict);
  return verdict;
}

/// "frontal PA tags"
std::string told(const RadiographTags& tags) {
  const GateVerdict verdict = view_of(tags);
  return std::string(name_of(verdict.view)) + " " + std::string(name_of(verdict.projection)) + " " +
         std::string(name_of(verdict.view_from));
}

std::string told_by_position(const std::string& position) {
  RadiographTags tags;
  tags.view_position = position;
  return told(tags);
}

std::string told_by_codes(const std::vector<std::string>& codes) {
  RadiographTags tags;
  tags.view_codes = codes;
  return told(tags);
}

std::string told_by_orientation(const std::vector<std::string>& orientation) {
  RadiographTags tags;
  tags.patient_orientation = orientation;
  return told(tags);
}

std::string told_by_series(const std::string& description) {
  RadiographTags tags;
  tags.descriptions = {"", description};
  return told(tags);
}

TEST(View, PositionInTheSpellingsThatDevicesUse) {
  EXPECT_EQ(told_by_position("PA"), "frontal PA tags");
  EXPECT_EQ(told_by_position("AP"), "frontal AP tags");
  for (const std::string lateral : {"LL", "RL", "LAT", "LATERAL", "lateral", "LEFT LATERAL"})
    EXPECT_EQ(told_by_position(lateral), "lateral unknown tags") << lateral;
  EXPECT_EQ(told_by_position("LLD"), "frontal unknown tags");
  EXPECT_EQ(told_by_position("RLO"), "unknown unknown none");
  EXPECT_EQ(told_by_position(""), "unknown unknown none");
}

TEST(View, CodesAndTheirMeanings) {
  EXPECT_EQ(told_by_codes({"272479007", "postero-anterior"}), "frontal PA tags");
  EXPECT_EQ(told_by_codes({"R-10206", "antero-posterior"}), "frontal AP tags");
  EXPECT_EQ(told_by_codes({"399173006", "left lateral"}), "lateral unknown tags");
  EXPECT_EQ(told_by_codes({"99XYZ", "Postero-Anterior projection"}), "frontal PA tags");
  EXPECT_EQ(told_by_codes({"99XYZ", "left anterior oblique, lateral"}), "unknown unknown none");
}

TEST(View, OrientationInAnyRotation) {
  EXPECT_EQ(told_by_orientation({"L", "F"}), "frontal unknown tags");
  EXPECT_EQ(told_by_orientation({"F", "R"}), "frontal unknown tags");
  EXPECT_EQ(told_by_orientation({"A", "F"}), "lateral unknown tags");
  EXPECT_EQ(told_by_orientation({"P", "H"}), "lateral unknown tags");
  EXPECT_EQ(told_by_orientation({"A", "R"}), "unknown unknown none");  // seen from above: no radiograph of a chest
  EXPECT_EQ(told_by_orientation({"L"}), "unknown unknown none");
}

TEST(View, WeakHintsCountOnlyWhereTheStrongAreSilent) {
  EXPECT_EQ(told_by_series("CHEST AP PORTABLE"), "frontal AP description");
  EXPECT_EQ(told_by_series("CHEST PA AND LAT"), "unknown unknown none");
  EXPECT_EQ(told_by_series("CAPTURE LATE"), "unknown unknown none");
  RadiographTags tags;
  tags.patient_position = "PA";  // as in the NIH set
  EXPECT_EQ(told(tags), "frontal PA description");
  tags.view_position = "AP";
  EXPECT_EQ(told(tags), "frontal AP tags");
  tags = {};
  tags.patient_orientation = {"L", "F"};
  tags.descriptions = {"", "AP"};
  EXPECT_EQ(told(tags), "frontal AP tags");  // the view by tags, its projection by the description
  tags.descriptions = {"", "LATERAL"};
  EXPECT_EQ(told(tags), "frontal unknown tags");
}

TEST(BodyPart, KnowsItsWordsInSeveralLanguages) {
  for (const std::string text : {"CHEST", "chest_pa", "Thorax", "TORAX PA", "CHESTABDOMEN", "Lungs", "RIBCAGE"})
    EXPECT_EQ(body_part_of(text), BodyPart::kChest) << text;
  for (const std::string text : {"HIP", "EXTREMITY", "Becken", "THORACIC SPINE", "KNIE LINKS", "SCHULTER", "RIBS"})
    EXPECT_EQ(body_part_of(text), BodyPart::kOther) << text;
  for (const std::string text : {"", "UNKNOWN", "ROUTINE", "RECHECK", "LEGACY ARCHIVE", "SHIPPED"})
    EXPECT_EQ(body_part_of(text), BodyPart::kUnknown) << text;
  EXPECT_EQ(body_part_of("CHEST AND ABDOMEN"), BodyPart::kBoth);
}

TEST(BodyPart, LostLettersStandForAny) {
  EXPECT_EQ(body_part_of("B?cken"), BodyPart::kOther);
  EXPECT_EQ(body_part_of("H\xc3\xbc"
                         "fte"),
            BodyPart::kOther);
  EXPECT_EQ(body_part_of("Sch\xe4"
                         "del"),
            BodyPart::kOther);
  EXPECT_EQ(body_part_of("??"), BodyPart::kUnknown);
  EXPECT_EQ(body_part_of("????"), BodyPart::kUnknown);
}

}  // namespace
}  // namespace chexworld
