// SPDX-License-Identifier: Apache-2.0
//
// What the gate does with every object of the DICOM sets, and with real films that carry no tags.
#include "dicom/gate.h"
#include "dicom/radiograph.h"
#include "image/png.h"
#include "support/dicom_sets.h"

#include <algorithm>
#include <gmock/gmock.h>
#include <set>

namespace chexworld {
namespace {

using testing::Contains;

class DicomGate : public testing::Test {
 protected:
  void SetUp() override {
    if (!test::have_data()) GTEST_SKIP() << "no test data: set CHEXWORLD_DATA_DIR";
  }
};

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return char(std::toupper(c)); });
  return text;
}

/// Which reasons are right for an object to be ignored, from what its manifest says about it.
std::set<GateReason> right_reasons(const test::DicomCase& entry) {
  static const std::set<std::string> kRadiographs{"CR", "DX", "RG"};
  static const std::set<std::string> kUndecided{"OT", "SC"};
  static const std::set<std::string> kDocuments{"SR", "PR", "KO", "DOC", "RTPLAN", "RTSTRUCT", "RTRECORD", "REG"};
  const std::string modality = entry.cell("modality"), sop_class = entry.cell("sop_class");
  const bool has_picture = !entry.cell("rows").empty();
  if (sop_class.empty() || kDocuments.contains(modality)) return {GateReason::kNotAnImage};
  if (kUndecided.contains(modality)) return {has_picture ? GateReason::kSecondaryCapture : GateReason::kNotAnImage};
  if (kRadiographs.contains(modality)) return {GateReason::kNotChest, GateReason::kNoPixelData};
  if (upper(entry.cell("description")).find("LOCALIZER") != std::string::npos) return {GateReason::kLocalizer};
  return {GateReason::kOtherModality};
}

TEST_F(DicomGate, IgnorableObjectsAreSkippedForTheRightReason) {
  std::size_t skipped = 0, total = 0;
  for (const std::string set : {"ignore", "real", "cxr"}) {
    for (const test::DicomCase& entry : test::dicom_cases(set)) {
      if (entry.cell("expected") != "ignore") continue;
      SCOPED_TRACE(entry.cell("file"));
      ++total;
      const Result<Radiograph> loaded = load_radiograph(entry.file);
      EXPECT_TRUE(loaded.ok()) << "an ignorable object is no error: " << loaded.error().message();
      if (!loaded.ok()) continue;
      EXPECT_THAT(right_reasons(entry), Contains(loaded->gate.reason)) << name_of(loaded->gate.reason);
      skipped += loaded->gate.accepted() ? 0 : 1;
    }
  }
  EXPECT_EQ(skipped, total);
  test::report_coverage("ignorable objects skipped", skipped, total);
}

/// "PA", "unknown or AP": what the view may be said to be.
void expect_view(const std::string& expected, const GateVerdict& gate) {
  const std::string wanted = upper(expected);
  const auto may_be = [&](std::string_view view) {
    return wanted == view || wanted.ends_with(" OR " + std::string(view)) ||
           wanted.starts_with(std::string(view) + " OR ");
  };
  if (may_be("LATERAL")) {
    EXPECT_EQ(gate.view, View::kLateral);
    return;
  }
  EXPECT_NE(gate.view, View::kLateral);
  const std::string projection(upper(std::string(name_of(gate.projection))));
  EXPECT_TRUE(may_be(projection)) << "expected " << expected << ", found " << projection;
}

TEST_F(DicomGate, ChestRadiographsAreAcceptedWithTheirView) {
  std::size_t accepted = 0, total = 0, refused_optional = 0;
  for (const std::string set : {"cxr", "real"}) {
    for (const test::DicomCase& entry : test::dicom_cases(set)) {
      const std::string expected = entry.cell("expected");
      if (expected != "accept" && expected != "optional") continue;
      SCOPED_TRACE(entry.cell("file"));
      ++total;
      const Result<Radiograph> loaded = load_radiograph(entry.file);
      EXPECT_TRUE(loaded.ok()) << loaded.error().message();
      if (!loaded.ok()) continue;
      if (!loaded->gate.accepted() && expected == "optional") {
        ++refused_optional;
        continue;
      }
      EXPECT_TRUE(loaded->gate.accepted()) << name_of(loaded->gate.reason) << ": " << loaded->gate.detail;
      expect_view(entry.cell("view_expected"), loaded->gate);
      accepted += loaded->gate.accepted() ? 1 : 0;
    }
  }
  test::report_coverage("chest radiographs accepted", accepted, total);
  test::report_coverage("optional ones refused", refused_optional, total);
}

TEST_F(DicomGate, ObjectsWithoutAResultGiveAClearError) {
  for (const test::DicomCase& entry : test::dicom_cases("real")) {
    if (entry.cell("expected") != "reject") continue;
    SCOPED_TRACE(entry.cell("file"));
    const Result<Radiograph> loaded = load_radiograph(entry.file);
    ASSERT_FALSE(loaded.ok());
    EXPECT_EQ(loaded.error().code(), ErrorCode::kMalformed);
    EXPECT_THAT(loaded.error().message(), testing::HasSubstr("Pixel Data"));
  }
}

/// "reject or degrade": which outcomes the manifest allows.
bool allows(const std::string& expected, const std::string& outcome) {
  return (" " + expected + " ").find(" " + outcome + " ") != std::string::npos;
}

TEST_F(DicomGate, DamagedObjectsGiveNoResultOrAMarkedOne) {
  std::size_t refused = 0, marked = 0, total = 0;
  for (const test::DicomCase& entry : test::dicom_cases("invalid")) {
    const std::string expected = entry.cell("expected");
    SCOPED_TRACE(entry.cell("file") + ", expected to " + expected);
    ++total;
    const Result<Radiograph> loaded = load_radiograph(entry.file);
    const bool none = !loaded.ok() || !loaded->gate.accepted();
    const bool doubtful =
        !none && std::count(loaded->quality.begin(), loaded->quality.end(), QualityNote::kDoubtful) > 0;
    refused += none ? 1 : 0;
    marked += doubtful ? 1 : 0;
    EXPECT_TRUE(none       ? allows(expected, "reject")
                : doubtful ? allows(expected, "degrade") || allows(expected, "accept")
                           : allows(expected, "accept"));
  }
  test::report_coverage("damaged objects without a result", refused, total);
  test::report_coverage("damaged objects with a result marked as doubtful", marked, total);
}

TEST_F(DicomGate, OtherBodyPartsOfTheCodecSetAreRefused) {
  std::size_t refused = 0, total = 0;
  for (const test::DicomCase& entry : test::dicom_cases("wg04")) {
    SCOPED_TRACE(entry.cell("file"));
    const Result<Radiograph> loaded = load_radiograph(entry.file);
    ASSERT_TRUE(loaded.ok()) << loaded.error().message();
    const bool chest = upper(entry.cell("body_part")).find("CHEST") != std::string::npos;
    EXPECT_EQ(loaded->gate.accepted(), chest) << name_of(loaded->gate.reason);
    if (chest) continue;
    ++total;
    refused += loaded->gate.reason == GateReason::kNotChest ? 1 : 0;
  }
  EXPECT_EQ(refused, total);
}

/// Where no tag says anything, the picture alone must hardly ever refuse a real frontal film, nor take a lateral one
/// for frontal.
TEST_F(DicomGate, PictureAloneRefusesHardlyAnyRealFilm) {
  const TagVerdict silent;  // accepted, chest not said
  std::size_t frontal = 0, refused = 0, filled_in = 0, negative = 0, lateral = 0, lateral_as_frontal = 0;
  for (const test::CsvRow& row : test::read_csv(test::data_dir() / "cxr" / "manifest.csv")) {
    const FilmLook look = look_at(read_picture(test::data_dir() / "cxr" / row.at("file")));
    const GateVerdict verdict = judge_by_picture(silent, look);
    if (row.at("view") == "lateral") {
      ++lateral;
      lateral_as_frontal += verdict.view == View::kFrontal ? 1 : 0;
      continue;
    }
    ++frontal;
    refused += verdict.accepted() ? 0 : 1;
    filled_in += verdict.view == View::kFrontal ? 1 : 0;
    negative += look.looks_negative() ? 1 : 0;
  }
  test::report_coverage("frontal films without tags accepted", frontal - refused, frontal);
  test::report_coverage("of them called frontal by the picture", filled_in, frontal);
  test::report_coverage("of them suspected to be negatives", negative, frontal);
  test::report_coverage("lateral films called frontal by the picture", lateral_as_frontal, lateral);
  EXPECT_LE(double(refused), 0.005 * double(frontal));
  EXPECT_LE(double(negative), 0.005 * double(frontal));
  EXPECT_GE(double(filled_in), 0.8 * double(frontal));
  EXPECT_LE(double(lateral_as_frontal), 0.25 * double(lateral));
}

TEST_F(DicomGate, NegativesOfRealFilmsAreSuspected) {
  std::size_t suspected = 0, total = 0;
  for (const test::CsvRow& row : test::read_csv(test::data_dir() / "cxr" / "manifest.csv")) {
    if (row.at("view") == "lateral") continue;
    GrayImage film = read_picture(test::data_dir() / "cxr" / row.at("file"));
    for (std::uint8_t& pixel : film.pixels) pixel = std::uint8_t(255 - pixel);
    ++total;
    suspected += look_at(film).looks_negative() ? 1 : 0;
  }
  test::report_coverage("negatives of frontal films suspected", suspected, total);
  EXPECT_GE(double(suspected), 0.97 * double(total));
}

}  // namespace
}  // namespace chexworld
