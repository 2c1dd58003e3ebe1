// SPDX-License-Identifier: Apache-2.0
//
// Radiographs written as DICOM objects: made-up films as Digital X-Ray images, pictures from elsewhere as Secondary
// Capture. Not for what chexworld says about a radiograph.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace chexworld {

enum class WrittenView { kUnknown, kPA, kAP, kLateral };

/// What the object says. Plain value; texts in ASCII, dates as YYYYMMDD, times as HHMMSS.
struct WrittenRadiograph {
  // pixels, rows from the top
  int rows = 0, columns = 0;
  int bits_stored = 12;                     ///< 8, or 10 to 16
  std::span<const std::uint16_t> pixels;    ///< rows * columns values below 2^bits_stored
  bool inverted = false;                    ///< MONOCHROME1: the smallest value is white
  int window_centre = 0, window_width = 0;  ///< width 0: no window
  double pixel_mm = 0;                      ///< at the detector; 0: not known

  std::string sop_instance_uid, series_uid, study_uid;
  std::string patient_name, patient_id, birth_date, sex, age;  ///< sex M, F or O; age as "052Y"
  std::string study_date, study_time, study_id, study_description;
  int series_number = 1, instance_number = 1;
  WrittenView view = WrittenView::kUnknown;
  std::string manufacturer, model;
  std::string comments;    ///< Image Comments
  std::string derivation;  ///< Derivation Description
  bool synthetic = false;  ///< Quality Control Subject: a phantom, no person
};

/// A Digital X-Ray image for presentation of the chest (PS3.3 A.26), explicit little endian; the view must be known.
/// Written whole or not at all. Throws Failure(kInvalidArgument) for pixels that do not fit, and Failure naming `path`.
void write_digital_xray(const std::filesystem::path& path, const WrittenRadiograph& radiograph);

/// A Secondary Capture image (PS3.3 A.8) that says it shows a chest; otherwise as above.
void write_secondary_capture(const std::filesystem::path& path, const WrittenRadiograph& radiograph);

/// A UID below 2.25 (PS3.5 annex B.2) that depends on `name` alone.
std::string uid_from_name(std::string_view name);

}  // namespace chexworld
