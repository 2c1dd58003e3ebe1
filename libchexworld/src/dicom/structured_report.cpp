// SPDX-License-Identifier: Apache-2.0
#include "dicom/structured_report.h"

#include "base/failure.h"
#include "dicom/dcmtk_setup.h"
#include "dicom/own_results.h"
#include "dicom/report_header.h"
#include "dicom/report_tree.h"

#include <chexworld/version.h>

#include <cstdio>

namespace chexworld {
namespace {

constexpr auto kObserved = DSRTypes::RT_hasObsContext;
constexpr auto kModifies = DSRTypes::RT_hasConceptMod;
constexpr auto kContains = DSRTypes::RT_contains;
constexpr auto kAcquired = DSRTypes::RT_hasAcqContext;

constexpr std::size_t kMostTextBytes = 1024;

ReportCode dcm(const char* value, const char* meaning) { return {value, "DCM", meaning}; }
ReportCode sct(const char* value, const char* meaning) { return {value, "SCT", meaning}; }

const ReportCode kSourceOfMeasurement = dcm("121112", "Source of Measurement");
const ReportCode kImageView = dcm("111031", "Image View");
const ReportCode kPercent{"%", "UCUM", "Percent"};
const ReportCode kNoUnits{"1", "UCUM", "no units"};

/// Percent with four decimals: every digit of a probability that anybody could have calibrated.
std::string percent(double share) {
  char text[16];
  std::snprintf(text, sizeof text, "%.4f", 100 * share);
  return text;
}

/// CID 29 (Acquisition Modality), from the SOP class.
ReportCode modality_of(const std::string& sop_class_uid) {
  if (sop_class_uid == "1.2.840.10008.5.1.4.1.1.1") return dcm("CR", "Computed Radiography");
  if (sop_class_uid.starts_with("1.2.840.10008.5.1.4.1.1.1.1")) return dcm("DX", "Digital Radiography");
  return dcm("OT", "Other Modality");
}

/// The content tree of one report.
class ReportBody {
 public:
  ReportBody(DSRDocumentTree& tree, const ReportContent& content)
      : tree_(tree, dcm("126000", "Imaging Measurement Report"), "1500"), content_(content) {}

  void write() {
    tree_.code(kModifies, dcm("121049", "Language of Content Item and Descendants"), {"eng", "RFC5646", "English"});
    observer();
    tree_.code(kModifies, dcm("121058", "Procedure reported"), sct("399208008", "Plain chest X-ray"));
    tree_.container(dcm("111028", "Image Library"), "1600", [&] {
      tree_.container(dcm("126200", "Image Library Group"), "", [&] {
        for (const ReportedImage& image : content_.images) library_entry(image);
      });
    });
    tree_.container(dcm("126010", "Imaging Measurements"), "", [&] {
      for (const ReportedImage& image : content_.images) {
        image_group(image);
        for (const ReportedFinding& finding : image.findings) finding_group(image, finding);
      }
    });
  }

 private:
  /// TID 1002 and 1004: a device.
  void observer() {
    const std::string maker(kOwnManufacturer), model(kOwnResultModel);
    tree_.code(kObserved, dcm("121005", "Observer Type"), dcm("121007", "Device"));
    tree_.uid(kObserved, dcm("121012", "Device Observer UID"), derived_uid({"device", version()}));
    tree_.text(kObserved, dcm("121013", "Device Observer Name"), maker + " " + std::string(version()));
    tree_.text(kObserved, dcm("121014", "Device Observer Manufacturer"), maker);
    tree_.text(kObserved, dcm("121015", "Device Observer Model Name"), model);
  }

  /// TID 1601 and 1602.
  void library_entry(const ReportedImage& image) {
    tree_.image(nullptr, image.sop_class_uid, image.sop_instance_uid, [&] {
      tree_.code(kAcquired, dcm("121139", "Modality"), modality_of(image.sop_class_uid));
      if (!image.view.empty()) tree_.code(kAcquired, kImageView, code_of_view(image.view));
    });
  }

  /// TID 1501: one thing that is said about one image. `what` is its name within the image.
  void group(const ReportedImage& image, const std::string& what, const std::function<void()>& statements) {
    tree_.container(dcm("125007", "Measurement Group"), "1501", [&] {
      tree_.text(kObserved, dcm("112039", "Tracking Identifier"), report_text(what, kMostTextBytes));
      tree_.uid(kObserved, dcm("112040", "Tracking Unique Identifier"),
                derived_uid({"tracking", content_.model_id, image.sop_instance_uid, what}));
      algorithm(image);
      tree_.image(&kSourceOfMeasurement, image.sop_class_uid, image.sop_instance_uid);
      statements();
    });
  }

  /// TID 4019.
  void algorithm(const ReportedImage& image) {
    const std::string name = content_.model_name.empty() ? std::string(kOwnManufacturer) : content_.model_name;
    tree_.text(kModifies, dcm("111001", "Algorithm Name"), report_text(name, kMostTextBytes));
    tree_.code(kModifies, dcm("111000", "Algorithm Family"), dcm("123110", "Artificial Intelligence"));
    tree_.text(kModifies, dcm("111003", "Algorithm Version"), content_.model_id);
    tree_.text(kModifies, dcm("122405", "Algorithm Manufacturer"), std::string(kOwnManufacturer));
    const ReportCode parameters = dcm("111002", "Algorithm Parameters");
    tree_.text(kModifies, parameters, report_text("precision=" + image.precision, kMostTextBytes));
    tree_.text(kModifies, parameters, report_text("preprocessing=" + image.preprocessing_version, kMostTextBytes));
  }

  void image_group(const ReportedImage& image) {
    group(image, "image", [&] {
      tree_.number(own_code("EMBEDDING-SIZE", "Values in the image embedding"), std::to_string(image.embedding_size),
                   kNoUnits);
      tree_.code(kContains, own_code("EMBEDDING", "Image embedding"), own_code("COMPUTED", "Computed"));
      if (!image.view.empty()) tree_.code(kContains, kImageView, code_of_view(image.view));
      const ReportCode quality = dcm("111101", "Image Quality");
      for (const std::string& note : image.quality) tree_.code(kContains, quality, code_of_quality(note));
      if (image.quality.empty()) tree_.code(kContains, quality, own_code("Q-NOTHING-NOTED", "Nothing noted"));
    });
  }

  void finding_group(const ReportedImage& image, const ReportedFinding& finding) {
    group(image, "finding " + finding.name, [&] {
      tree_.code(kContains, dcm("121071", "Finding"), code_of_finding(finding.name));
      if (!finding.probability) return abstention(image);
      tree_.number(dcm("111012", "Certainty of Finding"), percent(*finding.probability), kPercent);
      if (!finding.threshold) return;
      tree_.number(own_code("THRESHOLD", "Threshold of presence"), percent(*finding.threshold), kPercent);
      const bool present = *finding.probability >= *finding.threshold;
      tree_.code(kContains, sct("705057003", "Presence"),
                 present ? sct("52101004", "Present") : sct("2667000", "Absent"));
    });
  }

  /// Neither present nor absent, and no number that could be taken for either.
  void abstention(const ReportedImage& image) {
    tree_.code(kContains, own_code("ANSWER", "Answer of the model"), own_code("ABSTAINED", "Abstained"));
    tree_.text(kContains, own_code("WHY-ABSTAINED", "Why the model abstained"),
               report_text(image.abstained, kMostTextBytes));
  }

  ReportTree tree_;
  const ReportContent& content_;
};

void check(const ReportContent& content) {
  if (content.images.empty()) fail(ErrorCode::kInvalidArgument, "a report needs at least one image");
  for (const ReportedImage& image : content.images)
    if (image.sop_class_uid.empty() || image.series_instance_uid.empty() || image.sop_instance_uid.empty())
      fail(ErrorCode::kConflict,
           "the class or the series of an image of this study is not known: have the study processed again");
}

/// Everything that the document says, so that another content gets another name.
std::string digest_of(const ReportContent& content) {
  std::string all = content.model_name + '\0' + std::string(version());
  const auto say = [&](const std::string& text) { all += '\0' + text; };
  for (const ReportedImage& image : content.images) {
    for (const std::string* text : {&image.sop_class_uid, &image.sop_instance_uid, &image.series_instance_uid,
                                    &image.view, &image.precision, &image.preprocessing_version})
      say(*text);
    say(std::to_string(image.embedding_size));
    for (const std::string& note : image.quality) say(note);
    say(image.abstained);
    for (const ReportedFinding& finding : image.findings)
      say(finding.name + "=" + (finding.probability ? percent(*finding.probability) : "abstained") + "/" +
          (finding.threshold ? percent(*finding.threshold) : "?"));
  }
  return all;
}

}  // namespace

StructuredReport make_structured_report(const DicomFile& study_object, const ReportContent& content) {
  check(content);
  set_up_dcmtk();
  StructuredReport report;
  report.series_instance_uid = derived_uid({"report series", content.study_instance_uid, content.model_id});
  report.sop_instance_uid = derived_uid({"report", content.study_instance_uid, content.model_id, digest_of(content)});
  DSRDocument document(DSRTypes::DT_Comprehensive3DSR);
  ReportBody(document.getTree(), content).write();
  report.file = report_file(document, study_object, content, report);
  return report;
}

}  // namespace chexworld
