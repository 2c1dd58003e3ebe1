// SPDX-License-Identifier: Apache-2.0
//
// What a model says about a study as a DICOM object: Comprehensive 3D SR (PS3.3 A.35.13) after TID 1500 "Measurement
// Report" (PS3.16), one measurement group (TID 1501) for each image and one for each finding in it, each with the
// algorithm that made it (TID 4019).
#pragma once

#include "base/clock.h"
#include "dicom/dicom_file.h"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace chexworld {

struct ReportedFinding {
  std::string name;
  std::optional<double> probability;  ///< 0 to 1; nullopt: the model abstained, ReportedImage::abstained says why
  std::optional<double> threshold;    ///< from which it counts as present; nullopt: not known
};

struct ReportedImage {
  std::string sop_class_uid;
  std::string sop_instance_uid;
  std::string series_instance_uid;
  std::string view;                       ///< "PA", "AP", "LL", "frontal"; empty: not known
  std::vector<std::string> quality;       ///< names of QualityNotes
  std::vector<ReportedFinding> findings;  ///< none where the model has no findings
  std::string abstained;                  ///< why they have no probabilities; empty: they have
  std::size_t embedding_size = 0;         ///< D
  std::string precision;                  ///< "f32", "bf16", "int8"
  std::string preprocessing_version;
};

struct ReportContent {
  std::string study_instance_uid;
  std::string model_id;
  std::string model_name;
  std::vector<ReportedImage> images;  ///< at least one
  Clock::WallTime computed_at;        ///< becomes Content Date and Time, in local time
};

struct StructuredReport {
  std::string sop_instance_uid;
  std::string series_instance_uid;
  std::vector<std::byte> file;  ///< PS3.10, Explicit VR Little Endian
};

/// The same content gives the same bytes, UIDs included: the series is named by study and model, the document besides
/// by what it says, as a SOP Instance UID stands for one content (PS3.5 section 9). `study_object` is any object of the
/// study: its Patient, General Study and Patient Study modules are copied as they are, with its character set.
/// Thread safe for distinct files. Throws Failure: kInvalidArgument without images or for an object of another study;
/// kConflict for an image whose class or series is not known; kInternal where DCMTK refuses.
StructuredReport make_structured_report(const DicomFile& study_object, const ReportContent& content);

}  // namespace chexworld
