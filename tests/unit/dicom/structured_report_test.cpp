// SPDX-License-Identifier: Apache-2.0
//
// Reports as others see them: dciodvfy (dicom3tools) checks the object against PS3.3, dsrdump (DCMTK) reads the
// content.
#include "dicom/structured_report.h"

#include "dicom/gate.h"
#include "dicom/own_results.h"
#include "dicom/radiograph_tags.h"
#include "dicom/report_codes.h"
#include "failing.h"
#include "support/dicom_shell.h"
#include "support/process.h"
#include "support/temporary_folder.h"

#include <fstream>
#include <gmock/gmock.h>

namespace chexworld::test {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kStudy = "1.2.826.0.1.98.7";
constexpr const char* kComputedRadiography = "1.2.840.10008.5.1.4.1.1.1";

/// A radiograph's tags, as an archive hands them out: patient with umlauts, no pixels.
Bytes study_object(const std::string& study = kStudy) {
  ElementWriter writer(ElementEncoding::kExplicitLittle);
  writer.text({0x0008, 0x0005}, "CS", "ISO_IR 100");
  writer.text({0x0008, 0x0016}, "UI", kComputedRadiography);
  writer.text({0x0008, 0x0018}, "UI", "1.2.3.1");
  writer.text({0x0008, 0x0020}, "DA", "20200301");
  writer.text({0x0008, 0x0030}, "TM", "101500");
  writer.text({0x0008, 0x0050}, "SH", "ACC-77");
  writer.text({0x0008, 0x0060}, "CS", "CR");
  writer.text({0x0008, 0x0090}, "PN", "Referrer^Rita");
  writer.text({0x0008, 0x0201}, "SH", "+0100");
  writer.text({0x0010, 0x0010}, "PN", "M\xfcller^J\xf6rg");
  writer.text({0x0010, 0x0020}, "LO", "PID-4711");
  writer.text({0x0010, 0x0030}, "DA", "19610203");
  writer.text({0x0010, 0x0040}, "CS", "M");
  writer.text({0x0010, 0x1010}, "AS", "059Y");
  writer.text({0x0020, 0x000d}, "UI", study);
  writer.text({0x0020, 0x000e}, "UI", "1.2.3.9");
  writer.text({0x0020, 0x0010}, "SH", "S1");
  return dicom_file("1.2.840.10008.1.2.1", writer.bytes());
}

ReportedImage image(int number) {
  ReportedImage result;
  result.sop_class_uid = kComputedRadiography;
  result.sop_instance_uid = "1.2.3." + std::to_string(number);
  result.series_instance_uid = "1.2.3.9";
  result.view = number == 1 ? "PA" : "LL";
  result.embedding_size = 768;
  result.precision = "bf16";
  result.preprocessing_version = "1";
  return result;
}

ReportContent content_with(std::vector<ReportedImage> images) {
  return {.study_instance_uid = kStudy,
          .model_id = std::string(64, 'a'),
          .model_name = "chest-vit",
          .images = std::move(images),
          .computed_at = Clock::WallTime(std::chrono::seconds(1'700'000'000))};  // 2023-11-14 22:13:20 UTC
}

ReportContent full_content() {
  ReportedImage frontal = image(1), lateral = image(2);
  frontal.findings = {{"Effusion", 0.8731254, 0.5}, {"Mass", 0.02, 0.31}, {"Some_Label", 0.4, std::nullopt}};
  frontal.quality = {"low-contrast", "polarity-doubtful", "something-new"};
  lateral.findings = {{"Effusion", 0.1, 0.5}};
  return content_with({frontal, lateral});
}

class StructuredReportTest : public testing::Test {
 protected:
  StructuredReport make(const ReportContent& content) {
    const Bytes object = study_object();
    return make_structured_report(DicomFile::from_view(object), content);
  }
  std::string written(const StructuredReport& report) {
    const std::filesystem::path path = folder_ / "report.dcm";
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(report.file.data()), std::streamsize(report.file.size()));
    return path.string();
  }
  std::string verified(const StructuredReport& report) { return run({"dciodvfy", "-new", written(report)}).output; }
  std::string dumped(const StructuredReport& report) {
    const Finished finished = run({"dsrdump", "+Pc", "+Pl", written(report)});
    EXPECT_EQ(finished.exit_status, 0) << finished.output;
    return finished.output;
  }

  TemporaryFolder folder_;
};

TEST_F(StructuredReportTest, IsValidByDciodvfy) {
  const std::string said = verified(make(full_content()));
  EXPECT_THAT(said, HasSubstr("Comprehensive3DSR"));
  EXPECT_THAT(said, Not(HasSubstr("Error"))) << said;
}

TEST_F(StructuredReportTest, SaysWhatTheModelSays) {
  const std::string text = dumped(make(full_content()));
  for (const char* part : {"126000,DCM,\"Imaging Measurement Report\"", "121007,DCM,\"Device\"", "399208008,SCT",
                           "112040,DCM", "111001,DCM,\"Algorithm Name\")=\"chest-vit\"",
                           "123110,DCM,\"Artificial Intelligence\"", "60046008,SCT,\"Pleural effusion\"",
                           "\"87.3125\" (%,UCUM", "52101004,SCT,\"Present\"", "2667000,SCT,\"Absent\"", "272479007,SCT",
                           "399067008,SCT", "Q-LOW-CONTRAST,99CHEXWORLD", "UNVERIFIED", "COMPLETE"})
    EXPECT_THAT(text, HasSubstr(part));
  EXPECT_THAT(text, HasSubstr(std::string(64, 'a')));
}

TEST_F(StructuredReportTest, WorksForAModelWithoutFindings) {
  const StructuredReport report = make(content_with({image(1)}));
  EXPECT_THAT(verified(report), Not(HasSubstr("Error")));
  const std::string text = dumped(report);
  EXPECT_THAT(text, HasSubstr("EMBEDDING,99CHEXWORLD"));
  EXPECT_THAT(text, HasSubstr("Nothing noted"));
  EXPECT_THAT(text, Not(HasSubstr("Certainty of Finding")));
}

TEST_F(StructuredReportTest, AnAbstentionIsNeitherPresentNorAbsent) {
  ReportedImage lateral = image(2);
  lateral.findings = {{"Effusion", std::nullopt, 0.5}};
  lateral.abstained = "view-outside: the view is lateral, the head was calibrated on PA";
  const StructuredReport report = make(content_with({lateral}));
  EXPECT_THAT(verified(report), Not(HasSubstr("Error")));
  const std::string text = dumped(report);
  for (const char* part : {"60046008,SCT,\"Pleural effusion\"", "ABSTAINED,99CHEXWORLD,\"Abstained\"",
                           "view-outside: the view is lateral"})
    EXPECT_THAT(text, HasSubstr(part));
  for (const char* part : {"Certainty of Finding", "52101004", "2667000", "Threshold"})
    EXPECT_THAT(text, Not(HasSubstr(part)));
  lateral.abstained = "quality-outside: the picture is marked near-constant";
  EXPECT_NE(make(content_with({lateral})).sop_instance_uid, report.sop_instance_uid);
}

TEST_F(StructuredReportTest, IsOfThePatientAndTheStudy) {
  const StructuredReport report = make(full_content());
  const DicomFile file = DicomFile::from_view(report.file);
  const DicomDataset& dataset = file.dataset();
  EXPECT_EQ(dataset.text({0x0010, 0x0010}), "M\xfcller^J\xf6rg");
  EXPECT_EQ(dataset.text({0x0008, 0x0005}), "ISO_IR 100");
  EXPECT_EQ(dataset.text({0x0010, 0x0020}), "PID-4711");
  EXPECT_EQ(dataset.text({0x0010, 0x0030}), "19610203");
  EXPECT_EQ(dataset.text({0x0008, 0x0050}), "ACC-77");
  EXPECT_EQ(dataset.text({0x0020, 0x000d}), kStudy);
  EXPECT_EQ(dataset.text({0x0020, 0x000e}), report.series_instance_uid);
  EXPECT_EQ(dataset.text({0x0008, 0x0018}), report.sop_instance_uid);
  EXPECT_EQ(dataset.text({0x0008, 0x0016}), "1.2.840.10008.5.1.4.1.1.88.34");
  EXPECT_EQ(dataset.text({0x0018, 0x9004}), "RESEARCH");
  EXPECT_EQ(dataset.text({0x0040, 0xa493}), "UNVERIFIED");
  EXPECT_EQ(dataset.text({0x0008, 0x0023}), "20231114");  // in the study's time zone, +0100
  EXPECT_EQ(dataset.text({0x0008, 0x0033}), "231320");
  std::size_t evidence = 0;
  for (const DicomDataset& study : dataset.items({0x0040, 0xa375}))
    for (const DicomDataset& series : study.items({0x0008, 0x1115})) evidence += series.items({0x0008, 0x1199}).size();
  EXPECT_EQ(evidence, 2u);
}

TEST_F(StructuredReportTest, TheGateKnowsItAsOurs) {
  const StructuredReport report = make(full_content());
  const TagVerdict verdict = judge_by_tags(read_radiograph_tags(DicomFile::from_view(report.file)));
  EXPECT_EQ(verdict.verdict.reason, GateReason::kOwnResult);
}

TEST_F(StructuredReportTest, IsNamedByWhatItSays) {
  const StructuredReport first = make(full_content()), again = make(full_content());
  EXPECT_EQ(first.file, again.file);
  ReportContent grown = full_content();
  grown.images.push_back(image(3));
  EXPECT_NE(make(grown).sop_instance_uid, first.sop_instance_uid);
  EXPECT_EQ(make(grown).series_instance_uid, first.series_instance_uid);
  ReportContent other_model = full_content();
  other_model.model_id = std::string(64, 'b');
  EXPECT_NE(make(other_model).series_instance_uid, first.series_instance_uid);
  EXPECT_LE(first.sop_instance_uid.size(), 64u);
  EXPECT_TRUE(first.sop_instance_uid.starts_with(kOwnUidRoot));
}

TEST_F(StructuredReportTest, RefusesWhatDoesNotFit) {
  const Bytes other = study_object("1.2.3.4");
  EXPECT_FAILURE(make_structured_report(DicomFile::from_view(other), full_content()), ErrorCode::kInvalidArgument,
                 "not of the study");
  EXPECT_FAILURE(make(content_with({})), ErrorCode::kInvalidArgument, "at least one image");
  ReportedImage unknown = image(1);
  unknown.sop_class_uid = "";
  EXPECT_FAILURE(make(content_with({unknown})), ErrorCode::kConflict, "processed again");
}

TEST(ReportCodes, OfLabelsFitTheirFields) {
  for (const char* label : {"Effusion", "pleural_effusion", "Pleural Effusion"})
    EXPECT_EQ(code_of_finding(label).value, "60046008") << label;
  const ReportCode own = code_of_finding(
      "Lung \xc3\x96"
      "dem\\" +
      std::string(100, 'x'));
  EXPECT_LE(own.value.size(), 16u);
  EXPECT_LE(own.meaning.size(), 64u);
  EXPECT_EQ(own.meaning.find('\\'), std::string::npos);
  EXPECT_EQ(own.value, code_of_finding("lung \xc3\x96"
                                       "dem\\" +
                                       std::string(100, 'X'))
                           .value);
  EXPECT_NE(code_of_finding("Mass").value, code_of_finding("Nodule").value);
}

}  // namespace
}  // namespace chexworld::test
