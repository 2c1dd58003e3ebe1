// SPDX-License-Identifier: Apache-2.0
#include "dicom/report_header.h"

#include "base/failure.h"
#include "dicom/own_results.h"
#include "dicom/report_codes.h"

#include <chexworld/version.h>

#include <cstdio>
#include <ctime>
#include <dcmtk/dcmdata/dcostrmb.h>
#include <dcmtk/dcmdata/dctk.h>

namespace chexworld {
namespace {

constexpr DicomTag kStudyInstanceUid{0x0020, 0x000d};
constexpr DicomTag kTimezoneOffset{0x0008, 0x0201};

/// Modules Patient (PS3.3 C.7.1.1), Clinical Trial Subject (C.7.1.3), General Study (C.7.2.1), Patient Study (C.7.2.2)
/// and Clinical Trial Study (C.7.2.3), as far as objects of one study share them, with the character set they are in.
constexpr DicomTag kOfTheStudy[] = {
    {0x0008, 0x0005},  // Specific Character Set
    {0x0008, 0x0020},  // Study Date
    {0x0008, 0x0030},  // Study Time
    {0x0008, 0x0050},  // Accession Number
    {0x0008, 0x0051},  // Issuer of Accession Number Sequence
    {0x0008, 0x0090},  // Referring Physician's Name
    {0x0008, 0x0201},  // Timezone Offset From UTC
    {0x0008, 0x1030},  // Study Description
    {0x0008, 0x1032},  // Procedure Code Sequence
    {0x0008, 0x1048},  // Physician(s) of Record
    {0x0010, 0x0010},  // Patient's Name
    {0x0010, 0x0020},  // Patient ID
    {0x0010, 0x0021},  // Issuer of Patient ID
    {0x0010, 0x0022},  // Type of Patient ID
    {0x0010, 0x0024},  // Issuer of Patient ID Qualifiers Sequence
    {0x0010, 0x0030},  // Patient's Birth Date
    {0x0010, 0x0032},  // Patient's Birth Time
    {0x0010, 0x0040},  // Patient's Sex
    {0x0010, 0x1001},  // Other Patient Names
    {0x0010, 0x1002},  // Other Patient IDs Sequence
    {0x0010, 0x1010},  // Patient's Age
    {0x0010, 0x1020},  // Patient's Size
    {0x0010, 0x1030},  // Patient's Weight
    {0x0012, 0x0010},  // Clinical Trial Sponsor Name
    {0x0012, 0x0020},  // Clinical Trial Protocol ID
    {0x0012, 0x0021},  // Clinical Trial Protocol Name
    {0x0012, 0x0030},  // Clinical Trial Site ID
    {0x0012, 0x0031},  // Clinical Trial Site Name
    {0x0012, 0x0040},  // Clinical Trial Subject ID
    {0x0012, 0x0042},  // Clinical Trial Subject Reading ID
    {0x0012, 0x0050},  // Clinical Trial Time Point ID
    {0x0012, 0x0051},  // Clinical Trial Time Point Description
    {0x0012, 0x0062},  // Patient Identity Removed
    {0x0012, 0x0063},  // De-identification Method
    {0x0012, 0x0064},  // De-identification Method Code Sequence
    {0x0020, 0x000d},  // Study Instance UID
    {0x0020, 0x0010},  // Study ID
};

void require(const OFCondition& condition) {
  if (condition.bad()) fail(ErrorCode::kInternal, std::string("writing a structured report: ") + condition.text());
}

DcmTagKey key_of(DicomTag tag) { return {tag.group, tag.element}; }

/// Texts get the value representation that the dictionary gives them, whatever the object said.
void copy_element(DcmItem& from, DcmItem& to, const DcmTagKey& key) {
  DcmElement* found = nullptr;
  if (from.findAndGetElement(key, found).bad() || !found) return;
  if (found->ident() == EVR_SQ) {
    auto* copy = dynamic_cast<DcmElement*>(found->clone());
    if (copy && to.insert(copy, OFTrue).bad()) delete copy;
    return;
  }
  OFString value;
  if (found->getOFStringArray(value).good()) require(to.putAndInsertOFStringArray(key, value));
}

void copy_study(DcmItem& from, DcmItem& to) {
  for (const DicomTag tag : kOfTheStudy) copy_element(from, to, key_of(tag));
}

struct LocalTime {
  char date[16];  // DA
  char time[16];  // TM
};

/// "+0130" is 5400 seconds; nothing where it is no offset (PS3.3 C.12.1.1.8).
std::optional<int> offset_seconds(const std::string& text) {
  int hours = 0, minutes = 0;
  char sign = 0;
  const bool fine = text.size() == 5 && std::sscanf(text.c_str(), "%c%2d%2d", &sign, &hours, &minutes) == 3 &&
                    (sign == '+' || sign == '-');
  if (!fine) return std::nullopt;
  return (sign == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
}

/// In the time zone that the study names, else in ours.
LocalTime local_time(Clock::WallTime time, const std::string& zone) {
  std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  if (const auto offset = offset_seconds(zone)) {
    seconds += *offset;
    gmtime_r(&seconds, &parts);
  } else {
    localtime_r(&seconds, &parts);
  }
  LocalTime text{};
  std::strftime(text.date, sizeof text.date, "%Y%m%d", &parts);
  std::strftime(text.time, sizeof text.time, "%H%M%S", &parts);
  return text;
}

void describe_series(DSRDocument& document, const ReportContent& content, const std::string& zone) {
  const LocalTime at = local_time(content.computed_at, zone);
  require(document.setManufacturer(std::string(kOwnManufacturer).c_str()));
  require(document.setManufacturerModelName(std::string(kOwnResultModel).c_str()));
  require(document.setDeviceSerialNumber("none"));
  require(document.setSoftwareVersions(std::string(version()).c_str()));
  // People see by it which model a report is of, and the plugin tells by it whose report is whose.
  require(document.setSeriesDescription(("chexworld " + content.model_id.substr(0, 12)).c_str()));
  require(document.setSeriesNumber("9901"));
  require(document.setInstanceNumber("1"));
  require(document.setSeriesDate(at.date));
  require(document.setSeriesTime(at.time));
  require(document.setContentDate(at.date));
  require(document.setContentTime(at.time));
}

void list_evidence(DSRDocument& document, const ReportContent& content) {
  for (const ReportedImage& image : content.images)
    require(document.getCurrentRequestedProcedureEvidence().addItem(
        content.study_instance_uid.c_str(), image.series_instance_uid.c_str(), image.sop_class_uid.c_str(),
        image.sop_instance_uid.c_str(), OFFalse));
}

/// Whatever DCMTK made up by clock and chance is replaced or removed: a rewrite gives the same bytes.
void set_names(DcmDataset& dataset, const StructuredReport& names) {
  require(dataset.putAndInsertString(DCM_SOPInstanceUID, names.sop_instance_uid.c_str()));
  require(dataset.putAndInsertString(DCM_SeriesInstanceUID, names.series_instance_uid.c_str()));
  require(dataset.putAndInsertString(DCM_ContentQualification, "RESEARCH"));
  for (const DcmTagKey& made_up : {DCM_InstanceCreationDate, DCM_InstanceCreationTime, DCM_InstanceCreatorUID})
    dataset.findAndDeleteElement(made_up);
}

std::vector<std::byte> file_of(DcmFileFormat& file) {
  require(file.validateMetaInfo(EXS_LittleEndianExplicit, EWM_createNewMeta));
  file.getMetaInfo()->putAndInsertString(DCM_ImplementationVersionName, "CHEXWORLD");
  const std::uint32_t room = file.calcElementLength(EXS_LittleEndianExplicit, EET_ExplicitLength) + 4096;
  std::vector<std::byte> bytes(room);
  DcmOutputBufferStream stream(bytes.data(), room);
  file.transferInit();
  require(file.write(stream, EXS_LittleEndianExplicit, EET_ExplicitLength, nullptr, EGL_recalcGL, EPD_withoutPadding));
  file.transferEnd();
  void* begin = nullptr;
  offile_off_t written = 0;
  stream.flushBuffer(begin, written);
  bytes.resize(std::size_t(written));
  return bytes;
}

}  // namespace

std::vector<std::byte> report_file(DSRDocument& document, const DicomFile& study_object, const ReportContent& content,
                                   const StructuredReport& names) {
  if (study_object.dataset().text(kStudyInstanceUid).value_or("") != content.study_instance_uid)
    fail(ErrorCode::kInvalidArgument, "the object given is not of the study that the report is about");
  require(document.createNewSeriesInStudy(content.study_instance_uid.c_str(), OFFalse));
  describe_series(document, content, study_object.dataset().text(kTimezoneOffset).value_or(""));
  list_evidence(document, content);
  require(document.getCodingSchemeIdentification().addItem(std::string(kOwnCodingScheme).c_str(),
                                                           derived_uid({"coding scheme"}).c_str(),
                                                           "Codes of chexworld's reports", "chexworld"));
  require(document.completeDocument("Made by software; for research; not verified by a person"));
  DcmFileFormat file;
  DcmDataset& dataset = *file.getDataset();
  require(document.write(dataset));
  set_names(dataset, names);
  copy_study(study_object.dataset().dcmtk_item(), dataset);
  return file_of(file);
}

}  // namespace chexworld
