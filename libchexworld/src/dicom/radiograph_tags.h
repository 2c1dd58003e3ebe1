// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dicom/dicom_file.h"

#include <string>
#include <string_view>
#include <vector>

namespace chexworld {

/// The tags that the gate judges by. Plain value; an absent tag is an empty string. The free texts may name a
/// patient where a site writes them so: they are matched against words, never shown.
struct RadiographTags {
  std::string sop_class_uid;
  std::string sop_instance_uid;
  std::string modality;
  std::string manufacturer;
  std::string model_name;
  std::vector<std::string> image_type;
  std::string presentation_intent;
  std::string body_part;
  std::vector<std::string> region_codes;  ///< code values and meanings of Anatomic Region Sequence
  std::string view_position;
  std::vector<std::string> view_codes;           ///< code values and meanings of View Code Sequence
  std::vector<std::string> patient_orientation;  ///< directions of rows and columns
  std::string patient_position;
  std::vector<std::string> descriptions;  ///< study, series, protocol, processing
  std::string burned_in_annotation;
  std::string photometric_interpretation;
  long frames = 1;
  int rows = 0;
  int columns = 0;
  int bits_stored = 0;
  int samples_per_pixel = 1;
  bool has_pixel_data = false;
};

/// A defined term or UID as it may be shown: only upper-case letters, digits, '_', '.', space. Anything else, which
/// could be a name in the wrong place or control characters, becomes "not-a-defined-term"; empty stays empty.
std::string presentable(std::string_view term);

/// Never throws for what the object says: a tag that cannot be read counts as absent.
RadiographTags read_radiograph_tags(const DicomFile& file);

}  // namespace chexworld
