// SPDX-License-Identifier: Apache-2.0
#include "dicom/radiograph_writer.h"

#include "base/failure.h"
#include "base/file.h"
#include "dicom/dcmtk_setup.h"

#include <algorithm>
#include <cstdio>
#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcostrmb.h>
#include <dcmtk/dcmdata/dctk.h>
#include <vector>

namespace chexworld {
namespace {

void require(const OFCondition& status) {
  if (status.bad()) fail(ErrorCode::kInternal, std::string("DCMTK cannot write the object: ") + status.text());
}

void put(DcmItem& item, const DcmTagKey& tag, const std::string& value) {
  require(item.putAndInsertString(tag, value.c_str()));
}

void put(DcmItem& item, const DcmTagKey& tag, int value) { require(item.putAndInsertUint16(tag, Uint16(value))); }

void put_code(DcmItem& item, const DcmTagKey& sequence, const char* value, const char* meaning) {
  DcmItem* code = nullptr;
  require(item.findOrCreateSequenceItem(sequence, code, -2));
  put(*code, DCM_CodeValue, value);
  put(*code, DCM_CodingSchemeDesignator, "SCT");
  put(*code, DCM_CodeMeaning, meaning);
}

std::string decimal(double value) {
  char text[17];
  std::snprintf(text, sizeof text, "%.6g", value);
  return text;
}

void check(const WrittenRadiograph& radiograph) {
  const auto count = std::size_t(std::max(radiograph.rows, 0)) * std::size_t(std::max(radiograph.columns, 0));
  if (count == 0 || count != radiograph.pixels.size() || radiograph.rows > 65535 || radiograph.columns > 65535)
    fail(ErrorCode::kInvalidArgument, "a radiograph of " + std::to_string(radiograph.rows) + " x " +
                                          std::to_string(radiograph.columns) + " cannot hold " +
                                          std::to_string(radiograph.pixels.size()) + " pixels");
  const bool fits = std::all_of(radiograph.pixels.begin(), radiograph.pixels.end(), [&](std::uint16_t value) {
    return (value >> radiograph.bits_stored) == 0 || radiograph.bits_stored == 16;
  });
  if (!fits)
    fail(ErrorCode::kInvalidArgument, "a pixel does not fit in " + std::to_string(radiograph.bits_stored) + " bits");
}

void add_patient_and_study(DcmItem& set, const WrittenRadiograph& radiograph) {
  put(set, DCM_PatientName, radiograph.patient_name);
  put(set, DCM_PatientID, radiograph.patient_id);
  put(set, DCM_PatientBirthDate, radiograph.birth_date);
  put(set, DCM_PatientSex, radiograph.sex);
  if (!radiograph.age.empty()) put(set, DCM_PatientAge, radiograph.age);
  put(set, DCM_StudyInstanceUID, radiograph.study_uid);
  put(set, DCM_StudyDate, radiograph.study_date);
  put(set, DCM_StudyTime, radiograph.study_time);
  put(set, DCM_ReferringPhysicianName, "");
  put(set, DCM_StudyID, radiograph.study_id);
  put(set, DCM_AccessionNumber, "");
  put(set, DCM_StudyDescription, radiograph.study_description);
}

void add_series_and_equipment(DcmItem& set, const WrittenRadiograph& radiograph) {
  put(set, DCM_Modality, "DX");
  put(set, DCM_SeriesInstanceUID, radiograph.series_uid);
  put(set, DCM_SeriesNumber, std::to_string(radiograph.series_number));
  put(set, DCM_BodyPartExamined, "CHEST");
  put(set, DCM_Manufacturer, radiograph.manufacturer);
  put(set, DCM_ManufacturerModelName, radiograph.model);
}

const char* view_position(WrittenView view) {
  switch (view) {
    case WrittenView::kPA: return "PA";
    case WrittenView::kAP: return "AP";
    case WrittenView::kLateral: return "LL";
    case WrittenView::kUnknown: break;
  }
  return "";
}

void add_image(DcmItem& set, const WrittenRadiograph& radiograph) {
  const bool lateral = radiograph.view == WrittenView::kLateral, known = radiograph.view != WrittenView::kUnknown;
  put(set, DCM_InstanceNumber, std::to_string(radiograph.instance_number));
  put(set, DCM_PatientOrientation, !known ? "" : lateral ? "P\\F" : "L\\F");
  put(set, DCM_ContentDate, radiograph.study_date);
  put(set, DCM_ContentTime, radiograph.study_time);
  put(set, DCM_ImageType, "DERIVED\\PRIMARY");
  if (!radiograph.comments.empty()) put(set, DCM_ImageComments, radiograph.comments);
  if (!radiograph.derivation.empty()) put(set, DCM_DerivationDescription, radiograph.derivation);
  if (known) put(set, DCM_ViewPosition, view_position(radiograph.view));
  put(set, DCM_LossyImageCompression, "00");
  put(set, DCM_BurnedInAnnotation, "NO");
  // The newer Synthetic Data (0008,001C) is an error to validators of this day.
  if (radiograph.synthetic) put(set, DCM_QualityControlSubject, "YES");
}

void add_pixels(DcmItem& set, const WrittenRadiograph& radiograph) {
  put(set, DCM_SamplesPerPixel, 1);
  put(set, DCM_PhotometricInterpretation, radiograph.inverted ? "MONOCHROME1" : "MONOCHROME2");
  put(set, DCM_Rows, radiograph.rows);
  put(set, DCM_Columns, radiograph.columns);
  put(set, DCM_BitsAllocated, radiograph.bits_stored == 8 ? 8 : 16);
  put(set, DCM_BitsStored, radiograph.bits_stored);
  put(set, DCM_HighBit, radiograph.bits_stored - 1);
  put(set, DCM_PixelRepresentation, 0);
  if (radiograph.window_width > 0) {
    put(set, DCM_WindowCenter, std::to_string(radiograph.window_centre));
    put(set, DCM_WindowWidth, std::to_string(radiograph.window_width));
  }
  if (radiograph.bits_stored > 8)
    return require(set.putAndInsertUint16Array(DCM_PixelData, radiograph.pixels.data(),
                                               static_cast<unsigned long>(radiograph.pixels.size())));
  std::vector<Uint8> bytes(radiograph.pixels.begin(), radiograph.pixels.end());
  if (bytes.size() % 2 == 1) bytes.push_back(0);
  require(set.putAndInsertUint8Array(DCM_PixelData, bytes.data(), static_cast<unsigned long>(bytes.size())));
}

/// The modules of PS3.3 C.8.11 that only digital X-ray images have.
void add_digital_xray(DcmItem& set, const WrittenRadiograph& radiograph) {
  put(set, DCM_PresentationIntentType, "FOR PRESENTATION");
  put(set, DCM_ImageLaterality, "U");
  put_code(set, DCM_AnatomicRegionSequence, "51185008", "Chest");
  put(set, DCM_PixelIntensityRelationship, "LOG");
  // -1: more of the beam means a smaller value
  require(set.putAndInsertSint16(DCM_PixelIntensityRelationshipSign, Sint16(radiograph.inverted ? 1 : -1)));
  put(set, DCM_RescaleIntercept, "0");
  put(set, DCM_RescaleSlope, "1");
  put(set, DCM_RescaleType, "US");
  put(set, DCM_PresentationLUTShape, radiograph.inverted ? "INVERSE" : "IDENTITY");
  put(set, DCM_DetectorType, "SCINTILLATOR");
  put(set, DCM_PositionerType, "NONE");
  const std::string spacing = decimal(radiograph.pixel_mm);
  put(set, DCM_ImagerPixelSpacing, spacing + "\\" + spacing);
  if (radiograph.view == WrittenView::kPA) put_code(set, DCM_ViewCodeSequence, "272479007", "postero-anterior");
  if (radiograph.view == WrittenView::kAP) put_code(set, DCM_ViewCodeSequence, "399348003", "antero-posterior");
  if (radiograph.view == WrittenView::kLateral) put_code(set, DCM_ViewCodeSequence, "399173006", "left lateral");
  require(set.insertEmptyElement(DCM_AcquisitionContextSequence));
}

void write_object(const std::filesystem::path& path, DcmFileFormat& file, std::size_t pixels) {
  std::vector<std::byte> bytes(2 * pixels + 65536);
  DcmOutputBufferStream stream(bytes.data(), offile_off_t(bytes.size()));
  file.transferInit();
  require(file.write(stream, EXS_LittleEndianExplicit, EET_ExplicitLength, nullptr));
  file.transferEnd();
  void* start = nullptr;
  offile_off_t size = 0;
  stream.flushBuffer(start, size);
  write_file_atomically(path, [&](FileWriter& writer) { writer.write(std::span(bytes).first(std::size_t(size))); });
}

void add_common(DcmItem& set, const WrittenRadiograph& radiograph, const char* sop_class) {
  put(set, DCM_SOPClassUID, sop_class);
  put(set, DCM_SOPInstanceUID, radiograph.sop_instance_uid);
  add_patient_and_study(set, radiograph);
  add_series_and_equipment(set, radiograph);
  add_image(set, radiograph);
  add_pixels(set, radiograph);
}

}  // namespace

void write_digital_xray(const std::filesystem::path& path, const WrittenRadiograph& radiograph) {
  set_up_dcmtk();
  check(radiograph);
  if (radiograph.view == WrittenView::kUnknown || radiograph.pixel_mm <= 0 || radiograph.bits_stored < 10)
    fail(ErrorCode::kInvalidArgument, "a Digital X-Ray image needs a view, a pixel spacing and 10 bits or more");
  DcmFileFormat file;
  add_common(*file.getDataset(), radiograph, UID_DigitalXRayImageStorageForPresentation);
  add_digital_xray(*file.getDataset(), radiograph);
  write_object(path, file, radiograph.pixels.size());
}

void write_secondary_capture(const std::filesystem::path& path, const WrittenRadiograph& radiograph) {
  set_up_dcmtk();
  check(radiograph);
  DcmFileFormat file;
  add_common(*file.getDataset(), radiograph, UID_SecondaryCaptureImageStorage);
  put(*file.getDataset(), DCM_ConversionType, "WSD");
  write_object(path, file, radiograph.pixels.size());
}

}  // namespace chexworld
