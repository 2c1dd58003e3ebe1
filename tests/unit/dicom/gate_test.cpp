// SPDX-License-Identifier: Apache-2.0
#include "dicom/gate.h"
#include "dicom/own_results.h"

#include <gmock/gmock.h>
#include <string>
#include <tuple>

namespace chexworld {
namespace {

using testing::Contains;
using testing::Not;

constexpr const char* kCrClass = "1.2.840.10008.5.1.4.1.1.1";
constexpr const char* kSecondaryCaptureClass = "1.2.840.10008.5.1.4.1.1.7";

/// A chest CR that nothing is wrong with.
RadiographTags chest() {
  RadiographTags tags;
  tags.sop_class_uid = kCrClass;
  tags.modality = "CR";
  tags.body_part = "CHEST";
  tags.view_position = "PA";
  tags.rows = tags.columns = 2000;
  tags.has_pixel_data = true;
  return tags;
}

GateReason reason_for(const RadiographTags& tags) { return judge_by_tags(tags).verdict.reason; }

FilmLook good_film() {
  FilmLook look;
  look.chest_likeness = 0.8;
  look.contrast = 0.9;
  look.grey_levels = 250;
  return look;
}

TEST(Gate, AcceptsAChestRadiographWithItsView) {
  const TagVerdict verdict = judge_by_tags(chest());
  EXPECT_TRUE(verdict.verdict.accepted());
  EXPECT_EQ(verdict.chest, ChestEvidence::kSaid);
  EXPECT_EQ(verdict.verdict.view, View::kFrontal);
  EXPECT_EQ(verdict.verdict.projection, Projection::kPosteroAnterior);
  EXPECT_EQ(verdict.verdict.view_from, Evidence::kTags);
}

class NonImageClass : public testing::TestWithParam<const char*> {};

TEST_P(NonImageClass, IsNotAnImage) {
  RadiographTags tags = chest();
  tags.sop_class_uid = GetParam();
  tags.modality = "OT";
  EXPECT_EQ(reason_for(tags), GateReason::kNotAnImage);
}

INSTANTIATE_TEST_SUITE_P(Uids, NonImageClass,
                         testing::Values("1.2.840.10008.1.3.10",           // DICOMDIR
                                         "1.2.840.10008.5.1.4.1.1.88.34",  // Comprehensive 3D SR
                                         "1.2.840.10008.5.1.4.1.1.104.1",  // Encapsulated PDF
                                         "1.2.840.10008.5.1.4.1.1.11.1",   // Presentation State
                                         "1.2.840.10008.5.1.4.1.1.481.5",  // RT Plan
                                         "1.2.840.10008.5.1.4.1.1.9.1.1",  // 12-lead ECG
                                         "1.2.840.10008.5.1.4.1.1.66"));   // Raw Data

class ForeignModality : public testing::TestWithParam<const char*> {};

TEST_P(ForeignModality, IsSkippedEvenAsSecondaryCaptureOfTheChest) {
  RadiographTags tags = chest();
  tags.sop_class_uid = kSecondaryCaptureClass;
  tags.modality = GetParam();
  EXPECT_EQ(reason_for(tags), GateReason::kOtherModality);
}

INSTANTIATE_TEST_SUITE_P(Modalities, ForeignModality,
                         testing::Values("CT", "MR", "US", "NM", "XA", "RF", "MG", "PX", "IO", "PT", "SEG", "RTDOSE"));

TEST(Gate, SkipsImagesOfOtherClassesWhateverTheirModalitySays) {
  RadiographTags tags = chest();
  tags.sop_class_uid = "1.2.840.10008.5.1.4.1.1.2";  // CT Image Storage
  EXPECT_EQ(reason_for(tags), GateReason::kOtherModality);
}

TEST(Gate, SkipsLocalizersAndMultiFrames) {
  RadiographTags tags = chest();
  tags.modality = "CT";
  tags.image_type = {"ORIGINAL", "PRIMARY", "LOCALIZER"};
  EXPECT_EQ(reason_for(tags), GateReason::kLocalizer);
  tags = chest();
  tags.frames = 2;
  EXPECT_EQ(reason_for(tags), GateReason::kMultiFrame);
}

TEST(Gate, NeverTakesItsOwnResultsForInput) {
  RadiographTags tags = chest();
  tags.sop_instance_uid = std::string(kOwnUidRoot) + ".17";
  EXPECT_EQ(reason_for(tags), GateReason::kOwnResult);
  tags.sop_instance_uid = std::string(kOwnUidRoot) + "17";  // another arc that begins alike
  EXPECT_EQ(reason_for(tags), GateReason::kAccepted);
  tags.manufacturer = kOwnManufacturer;
  tags.model_name = "chexworld phantom";
  EXPECT_EQ(reason_for(tags), GateReason::kAccepted);
  tags.model_name = kOwnResultModel;
  EXPECT_EQ(reason_for(tags), GateReason::kOwnResult);
}

TEST(Gate, SecondaryCaptureNeedsAWordAboutTheChest) {
  RadiographTags tags = chest();
  tags.sop_class_uid = kSecondaryCaptureClass;
  tags.modality = "OT";
  EXPECT_EQ(reason_for(tags), GateReason::kAccepted);
  tags.body_part = "";
  EXPECT_EQ(reason_for(tags), GateReason::kSecondaryCapture);
  tags.descriptions = {"XR CHEST 2 VIEWS"};
  EXPECT_EQ(reason_for(tags), GateReason::kAccepted);
}

TEST(Gate, BodyPartWinsOverDescriptionAndCodesFillIn) {
  RadiographTags tags = chest();
  tags.descriptions = {"KNEE"};
  EXPECT_EQ(reason_for(tags), GateReason::kAccepted);
  tags.body_part = "HIP";
  tags.descriptions = {"CHEST"};
  EXPECT_EQ(reason_for(tags), GateReason::kNotChest);
  tags.body_part = "";
  tags.descriptions = {};
  tags.region_codes = {"51185008", "Chest"};
  EXPECT_EQ(judge_by_tags(tags).chest, ChestEvidence::kSaid);
  tags.region_codes = {"72696002", "Knee"};
  EXPECT_EQ(reason_for(tags), GateReason::kNotChest);
  tags.region_codes = {};
  tags.descriptions = {"TEETH"};
  EXPECT_EQ(reason_for(tags), GateReason::kNotChest);
}

TEST(Gate, RadiographWithoutAnyHintIsLeftToThePicture) {
  RadiographTags tags = chest();
  tags.body_part = tags.view_position = "";
  const TagVerdict silent = judge_by_tags(tags);
  EXPECT_TRUE(silent.verdict.accepted());
  EXPECT_EQ(silent.chest, ChestEvidence::kNone);
  EXPECT_EQ(judge_by_picture(silent, good_film()).view, View::kFrontal);
  EXPECT_EQ(judge_by_picture(silent, good_film()).view_from, Evidence::kPicture);
  tags.has_pixel_data = false;
  EXPECT_EQ(reason_for(tags), GateReason::kNoPixelData);
}

TEST(Gate, PictureRefusesOnlyWhatNoTagCallsAChest) {
  const TagVerdict said = judge_by_tags(chest());
  const TagVerdict silent;
  FilmLook wide = good_film(), flat = good_film(), drawn = good_film(), hip = good_film(), negative = good_film();
  wide.content_aspect = 2.5;
  flat.contrast = 0;
  drawn.grey_levels = 4;
  hip.chest_likeness = -0.5;
  negative.chest_likeness = -0.8;
  for (const FilmLook& look : {wide, flat, drawn, hip}) {
    EXPECT_EQ(judge_by_picture(silent, look).reason, GateReason::kNotChest);
    EXPECT_EQ(judge_by_picture(said, look).reason, GateReason::kAccepted);
  }
  EXPECT_EQ(judge_by_picture(silent, negative).reason, GateReason::kAccepted);
}

TEST(Gate, PictureNeverOverrulesAViewThatTheTagsTell) {
  RadiographTags tags = chest();
  tags.view_position = "LL";
  const GateVerdict verdict = judge_by_picture(judge_by_tags(tags), good_film());
  EXPECT_EQ(verdict.view, View::kLateral);
  EXPECT_THAT(quality_notes(tags, verdict, good_film()), Contains(QualityNote::kViewDoubtful));
}

TEST(QualityNotes, SayWhatIsOddAndNothingElse) {
  const RadiographTags tags = chest();
  const GateVerdict verdict = judge_by_tags(tags).verdict;
  EXPECT_THAT(quality_notes(tags, verdict, good_film()), testing::IsEmpty());
  RadiographTags odd = tags;
  odd.rows = 100;
  odd.burned_in_annotation = "YES";
  odd.presentation_intent = "FOR PROCESSING";
  FilmLook look = good_film();
  look.chest_likeness = -0.7;
  look.black_border_share = 0.3;
  look.contrast = 0.2;
  EXPECT_THAT(quality_notes(odd, verdict, look),
              testing::ElementsAre(QualityNote::kTooSmall, QualityNote::kLowContrast, QualityNote::kBlackFrame,
                                   QualityNote::kExtremeAspect, QualityNote::kPolarityDoubtful,
                                   QualityNote::kBurnedInText, QualityNote::kForProcessing));
}

TEST(Gate, SaysNothingThatAnObjectCouldHaveSmuggledIn) {
  RadiographTags tags = chest();
  tags.modality = "Doe^John";
  EXPECT_THAT(judge_by_tags(tags).verdict.detail, Not(testing::HasSubstr("Doe")));
  EXPECT_EQ(presentable("A\x1b[31m"), "not-a-defined-term");
  EXPECT_EQ(presentable("MONOCHROME2"), "MONOCHROME2");
}

}  // namespace
}  // namespace chexworld
